// Schemas of the API's bodies, readers of its queries, shapes of its answers (http-api.md §2–§7).
import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { RequestError, requestErrors } from './errors.ts';
import { readJson, writeJson } from './json.ts';
import { DENY_SECONDS } from './limits.ts';

/** Counts a request may ask for; unknown names are ignored. */
export interface CountsAsked {
  readonly userCount: boolean;
  readonly subscriptionCount: boolean;
}

/** One event as asked for: names and sizes are not checked yet, as limits are the app's. */
export interface EventRequest {
  readonly name: string;
  readonly data: string;
  readonly channels: readonly string[];
  readonly socketId: string | undefined;
  readonly asked: CountsAsked | undefined;
}

const text = z.string({ error: 'expected a string' });
const name = text.min(1, 'must not be empty');
/** Any JSON: see `published`. */
const data = z.unknown();
const channel = text;

/** Of POST /events: `channel` or `channels`, and data that is there. */
export const eventBody = z.object({
  name,
  data,
  channels: z.array(channel, { error: 'expected an array of strings' }).optional(),
  channel: channel.optional(),
  socket_id: text.nullish(),
  info: text.nullish(),
});
const batchBody = z.object({ batch: z.array(z.unknown(), { error: 'expected an array of events' }) });
const batchItem = z.object({ name, data, channel, socket_id: text.nullish(), info: text.nullish() });

/**
 * The body of POST /events.
 * @throws RequestError 400 that names the parameter.
 */
export function parseEvent(body: Buffer): EventRequest {
  const event = read(eventBody, parseBody(body), ['name', 'data']);
  const channels = event.channels ?? (event.channel === undefined ? undefined : [event.channel]);
  if (channels === undefined) throw requestErrors.missing('channel');
  if (channels.length === 0) throw requestErrors.invalid('channels', 'must name at least one channel');
  return request(event, channels);
}

/**
 * The body of POST /batch_events, in order. The number of events is checked before their contents.
 * @throws RequestError 400 that names the parameter.
 */
export function parseBatch(body: Buffer, limit: number): EventRequest[] {
  const { batch } = read(batchBody, parseBody(body), ['batch']);
  if (batch.length === 0) throw requestErrors.missing('batch');
  if (batch.length > limit) throw requestErrors.batchTooLarge(batch.length, limit);
  return batch.map((item, index) => {
    const event = read(batchItem, item, ['name', 'data', 'channel'], `batch[${index}].`);
    return request(event, [event.channel], `batch[${index}].`);
  });
}

const wholeSeconds = `expected a whole number of seconds from 0 to ${DENY_SECONDS}`;
/** Strict: whoever misspells it would believe that the user is kept out. */
export const unsubscribeBody = z.strictObject({
  deny_seconds: z.int(wholeSeconds).min(0, wholeSeconds).max(DENY_SECONDS, wholeSeconds).default(0),
});

/**
 * The body of POST users/{id}/channels/{name}/unsubscribe, which may be empty.
 * @returns for how many seconds the user may not come back; 0: they may
 * @throws RequestError 400 that names the parameter.
 */
export function parseUnsubscribe(body: Buffer): number {
  return body.length === 0 ? 0 : read(unsubscribeBody, parseBody(body), []).deny_seconds;
}

function request(
  event: { name: string; data: unknown; socket_id?: string | null | undefined; info?: string | null | undefined },
  channels: readonly string[],
  at = '',
): EventRequest {
  return {
    name: event.name,
    data: published(event.data, at),
    channels: channels.length > 1 ? [...new Set(channels)] : channels,
    socketId: event.socket_id ?? undefined,
    asked: event.info == null ? undefined : parseInfo(event.info),
  };
}

/** Strings are published as they are; other JSON is published as its text, which must be what was sent. */
function published(data: unknown, at: string): string {
  if (typeof data === 'string') return data;
  let isAnother = false;
  const text = writeJson(data, (value) => {
    isAnother ||= typeof value === 'number' && !isKept(value);
  });
  if (text === undefined) throw requestErrors.invalid(`${at}data`, 'nests too deeply');
  if (isAnother)
    throw requestErrors.invalid(`${at}data`, 'holds a number that would arrive as another: send it as text');
  return text;
}

/** What is no double when it is sent is rounded when it is read: fractions a little, whole numbers to others. */
function isKept(number: number): boolean {
  return Number.isInteger(number) ? Number.isSafeInteger(number) : Number.isFinite(number);
}

/** A comma list of attribute names, as in `info=user_count,subscription_count`. */
export function parseInfo(info: string | undefined): CountsAsked & { readonly cache: boolean } {
  const names = (info ?? '').split(',').map((part) => part.trim());
  return {
    userCount: names.includes('user_count'),
    subscriptionCount: names.includes('subscription_count'),
    cache: names.includes('cache'),
  };
}

function parseBody(body: Buffer): unknown {
  const value = isUtf8(body) ? readJson(body.toString()) : undefined;
  if (value === undefined) throw requestErrors.invalidJson();
  return value;
}

function read<T>(schema: z.ZodType<T>, value: unknown, required: readonly string[], at = ''): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    if (at === '') throw new RequestError(400, 'The request body must be a JSON object.');
    throw requestErrors.invalid(at.slice(0, -1), 'expected an object');
  }
  for (const parameter of required) {
    if (!Object.hasOwn(value, parameter)) throw requestErrors.missing(parameter);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  if (issue?.code === 'unrecognized_keys') throw requestErrors.unknownParameter(`${at}${issue.keys[0]}`);
  throw requestErrors.invalid(`${at}${issue?.path.join('.')}`, issue?.message ?? 'unexpected value');
}

/** Counts of one channel in an answer; absent where not asked for or not applicable. */
export interface ChannelCountsAnswer {
  user_count?: number;
  subscription_count?: number;
}

export interface ChannelAnswer extends ChannelCountsAnswer {
  occupied: boolean;
  /** Cache channels only: the last event's data and the seconds it will still be kept. */
  cache?: { data: string; ttl: number } | null;
}
