// Every frame the server sends, one function each; the only place a frame is built. `data` is a string of JSON in all
// but pusher:error, as the table in websocket.md §2 recommends.
import type { SubscriptionFailure } from './errors.ts';
import { textFrame } from './frame.ts';

const quote = JSON.stringify as (text: string) => string;

function message(event: string, data: string, channel?: string): Buffer {
  const on = channel === undefined ? '' : `,"channel":${quote(channel)}`;
  return textFrame(`{"event":"${event}"${on},"data":${quote(data)}}`);
}

/** Always the first frame of a connection. `activity_timeout` is in seconds, 1 or more (websocket.md §3.1). */
export function connectionEstablished(socketId: string, activityTimeoutSeconds: number): Buffer {
  return message(
    'pusher:connection_established',
    `{"socket_id":"${socketId}","activity_timeout":${activityTimeoutSeconds}}`,
  );
}

/** The one frame whose `data` is an object (Swift and .NET ignore a string there). */
export function error(code: number | null, text: string): Buffer {
  return textFrame(`{"event":"pusher:error","data":{"code":${code},"message":${quote(text)}}}`);
}

/** Built once: it goes to every idle socket. */
export const ping: Buffer = message('pusher:ping', '{}');
export const pong: Buffer = message('pusher:pong', '{}');

/** `data` is "{}" but on presence channels, where it is `roster` (Swift fails when it is absent). */
export function subscriptionSucceeded(channel: string, data = '{}'): Buffer {
  return message('pusher_internal:subscription_succeeded', data, channel);
}

/** Additive to `error`: what Laravel Echo's channel.error() listens to (websocket.md §4.3). */
export function subscriptionError({ channel, type, error, status }: SubscriptionFailure): Buffer {
  return message('pusher:subscription_error', JSON.stringify({ type, error, status }), channel);
}

/** `info` is the member's user_info as JSON text. */
export function memberAdded(channel: string, userId: string, info: string): Buffer {
  return message('pusher_internal:member_added', `{"user_id":${quote(userId)},"user_info":${info}}`, channel);
}

export function memberRemoved(channel: string, userId: string): Buffer {
  return message('pusher_internal:member_removed', `{"user_id":${quote(userId)}}`, channel);
}

export function subscriptionCount(channel: string, count: number): Buffer {
  return message('pusher_internal:subscription_count', `{"subscription_count":${count}}`, channel);
}

/** `data` is present as Java's getData() throws on an absent key. */
export function cacheMiss(channel: string): Buffer {
  return message('pusher:cache_miss', '{}', channel);
}

/** `userData` is echoed exactly as it came; clients parse it again. */
export function signinSuccess(userData: string): Buffer {
  return message('pusher:signin_success', `{"user_data":${quote(userData)}}`);
}

export interface WatchlistEvent {
  readonly name: 'online' | 'offline';
  readonly user_ids: readonly string[];
}

export function watchlistEvents(events: readonly WatchlistEvent[]): Buffer {
  return message('pusher_internal:watchlist_events', JSON.stringify({ events }));
}

/** An event from the API, for each of its channels: `data` is the string that was published, untouched (websocket.md §5). */
export function eventOn(name: string, data: string): (channel: string) => Buffer {
  // Quoted once: an event may go to a hundred channels.
  const [quotedName, quotedData] = [quote(name), quote(data)];
  return (channel) => textFrame(`{"event":${quotedName},"channel":${quote(channel)},"data":${quotedData}}`);
}

/** The same for one channel. */
export function event(name: string, channel: string, data: string): Buffer {
  return eventOn(name, data)(channel);
}

/** A client event; `userId` on presence channels only (websocket.md §6). */
export function clientEvent(name: string, channel: string, data: string, userId: string | undefined): Buffer {
  const from = userId === undefined ? '' : `,"user_id":${quote(userId)}`;
  return textFrame(`{"event":${quote(name)},"channel":${quote(channel)},"data":${quote(data)}${from}}`);
}
