// Events from the API: check, encode once, publish (http-api.md §2, §3). Everything is checked before anything is
// published; an event reaches sockets only through the broker, also those of this node.
import type { EventRequest } from '../protocol/api.ts';
import { channelKind, isChannelName } from '../protocol/channel-name.ts';
import { requestErrors } from '../protocol/errors.ts';
import { hasMoreCharacters } from '../protocol/length.ts';
import { eventOn } from '../protocol/server-message.ts';
import { isSocketId } from '../protocol/socket-id.ts';
import type { App } from './app.ts';
import type { Context } from './context.ts';
import { channelTopic } from './topics.ts';

/**
 * Publishes events in the order given; resolves when all are on their way.
 * @throws RequestError 400, 413 or 429, and then nothing is published.
 */
export async function trigger(context: Context, app: App, events: readonly EventRequest[]): Promise<void> {
  for (const request of events) check(app, request);
  const { eventsPerSecond } = app.limits;
  if (eventsPerSecond > 0) {
    if (events.length > eventsPerSecond) throw requestErrors.batchTooLarge(events.length, eventsPerSecond);
    const retryAfterMs = await context.rateLimiter.take(`${app.id}/events`, events.length, eventsPerSecond);
    if (retryAfterMs > 0) throw requestErrors.rate(retryAfterMs, eventsPerSecond);
  }
  context.traffic.of(app.id).triggered += events.length;
  if (events.some(isKept)) await keepLast(context, app, events);
  const published: Promise<void>[] = [];
  for (const { name, data, channels, socketId } of events) {
    const frameOn = eventOn(name, data);
    for (const channel of channels) {
      const frame = frameOn(channel);
      published.push(context.broker.publish(channelTopic(app.id, channel), { type: 'frame', frame, except: socketId }));
    }
  }
  await (published.length === 1 ? published[0] : Promise.all(published));
}

function isKept({ channels }: EventRequest): boolean {
  return channels.some((channel) => channelKind(channel).cache);
}

/** Cache channels, before anything is published: who subscribes from here on finds it, the others get the broadcast. */
async function keepLast(context: Context, app: App, events: readonly EventRequest[]): Promise<void> {
  for (const { name, data, channels } of events) {
    for (const channel of channels) {
      if (channelKind(channel).cache) {
        await context.eventCache.set(app.id, channel, { name, data }, app.cacheTtlSeconds);
        context.cacheMisses.over(channelTopic(app.id, channel));
      }
    }
  }
}

function check({ limits, anyChannelName }: App, { name, data, channels, socketId }: EventRequest): void {
  if (hasMoreCharacters(name, limits.eventNameLength)) throw requestErrors.eventName(limits.eventNameLength);
  if (name.startsWith('pusher:') || name.startsWith('pusher_internal:')) throw requestErrors.reservedEventName(name);
  if (channels.length > limits.channelsPerEvent) throw requestErrors.tooManyChannels(limits.channelsPerEvent);
  for (const channel of channels) checkChannelName(channel, limits.channelNameLength, anyChannelName);
  if (socketId !== undefined && !isSocketId(socketId)) throw requestErrors.socketId(socketId);
  const bytes = Buffer.byteLength(data);
  if (bytes > limits.payloadBytes) throw requestErrors.dataTooLarge(limits.payloadBytes, bytes, channels[0] ?? '');
}

/** @throws RequestError 400 for a name no channel can have. */
export function checkChannelName(channel: string, maxLength: number, anyCharacter: boolean): void {
  const valid = !hasMoreCharacters(channel, maxLength) && isChannelName(channel, anyCharacter);
  if (!valid) throw requestErrors.channelName(channel);
}
