// Text from a client → one of the known messages (websocket.md §2, §12). `data` may be an object or a string of JSON.
import { z } from 'zod';
import { invalidMessage } from './errors.ts';
import { readJson, writeJson } from './json.ts';

export type ClientMessage =
  | { readonly type: 'ping' }
  | { readonly type: 'pong' }
  | {
      readonly type: 'subscribe';
      readonly channel: string;
      readonly auth: string;
      readonly channelData: string | undefined;
    }
  | { readonly type: 'unsubscribe'; readonly channel: string }
  | { readonly type: 'signin'; readonly auth: string; readonly userData: string }
  | { readonly type: 'client-event'; readonly event: string; readonly channel: string; readonly data: string }
  /** An event without a reserved name, from a client that may not send one: dropped, as Reverb does. */
  | { readonly type: 'ignored' };

const envelope = z.object({ event: z.string(), channel: z.string().nullish(), data: z.unknown().optional() });
const subscribe = z.object({
  channel: z.string(),
  auth: z.unknown().optional(),
  channel_data: z.unknown().optional(),
});
const unsubscribe = z.object({ channel: z.string() });
const signin = z.object({ auth: z.unknown().optional(), user_data: z.string() });

/** @throws ProtocolError 4200 when the text is not a message; the connection stays open. */
export function parseClientMessage(text: string): ClientMessage {
  const { event, channel, data } = check(envelope, readJson(text));
  switch (event) {
    case 'pusher:ping':
      return { type: 'ping' };
    case 'pusher:pong':
      return { type: 'pong' };
    case 'pusher:subscribe': {
      const { channel, auth, channel_data } = check(subscribe, unwrap(data));
      return { type: 'subscribe', channel, auth: token(auth), channelData: signedData(channel_data) };
    }
    case 'pusher:unsubscribe':
      return { type: 'unsubscribe', channel: check(unsubscribe, unwrap(data)).channel };
    case 'pusher:signin': {
      const { auth, user_data } = check(signin, unwrap(data));
      return { type: 'signin', auth: token(auth), userData: user_data };
    }
    default:
      if (event.startsWith('pusher:') || event.startsWith('pusher_internal:')) throw invalidMessage();
      if (channel == null) throw invalidMessage();
      if (!event.startsWith('client-')) return { type: 'ignored' };
      return { type: 'client-event', event, channel, data: relayed(data) };
  }
}

/** The string that is relayed: strings as they are, everything else as JSON, nothing as "null" (websocket.md §6). */
function relayed(data: unknown): string {
  if (typeof data === 'string') return data;
  const text = writeJson(data ?? null);
  if (text === undefined) throw invalidMessage();
  return text;
}

/** Absent, null and "" are what clients send on public channels; any other type cannot be a token. */
function token(auth: unknown): string {
  return typeof auth === 'string' ? auth : '';
}

/** Text that is signed; what came as JSON instead is taken as its text, for the signature to be compared with. */
function signedData(channelData: unknown): string | undefined {
  return channelData == null || channelData === '' ? undefined : relayed(channelData);
}

/** Java and Reverb clients may send `data` as a string that holds the object. */
function unwrap(data: unknown): unknown {
  return typeof data === 'string' ? readJson(data) : data;
}

function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (!result.success) throw invalidMessage();
  return result.data;
}
