// The body of a request to an authorization endpoint, a form or JSON, as the clients send it (auth.md §3).
import { RequestError, requestErrors } from './errors.ts';
import { isSocketId } from './socket-id.ts';

export interface AuthorizationRequest {
  readonly socketId: string;
  /** As asked for, each once; none for a sign-in. */
  readonly channels: readonly string[];
  /**
   * How several channels were asked for, hence are answered: `listed` as channel_name[] or a JSON array, `wrapped` as
   * channel_name[0], channel_name[1], … by the pusher-js-auth plugin. undefined: one channel, by its plain name.
   */
  readonly several: 'listed' | 'wrapped' | undefined;
  /** What else the body says. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** More than a client subscribes to at once, few enough for one request. */
const CHANNELS = 100;
const INDEXED = /^channel_name\[\d{1,4}\]$/;

/** @throws RequestError 400 that names the parameter */
export function parseAuthorization(body: unknown): AuthorizationRequest {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new RequestError(400, 'The request body must be a form or a JSON object with socket_id and channel_name.');
  }
  const { socket_id: socketId, channel_name: one, 'channel_name[]': listed, ...rest } = body as Record<string, unknown>;
  const entries = Object.entries(rest);
  const indexed = entries.filter(([name]) => INDEXED.test(name)).map(([, channel]) => channel);
  const fields = Object.fromEntries(entries.filter(([name]) => !INDEXED.test(name)));
  if (socketId === undefined || socketId === '') throw requestErrors.missing('socket_id');
  if (typeof socketId !== 'string') throw requestErrors.invalid('socket_id', 'expected a string');
  if (!isSocketId(socketId)) throw requestErrors.socketId(socketId);
  const several = indexed.length > 0 ? 'wrapped' : listed !== undefined || Array.isArray(one) ? 'listed' : undefined;
  const asked = several === 'wrapped' ? indexed : listOf(listed ?? one);
  return { socketId, channels: namesOf(asked), several, fields };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}

function namesOf(asked: readonly unknown[]): string[] {
  if (asked.length > CHANNELS) throw requestErrors.invalid('channel_name', `at most ${CHANNELS} channels at once`);
  const names = asked.map((name) => {
    if (name === '') throw requestErrors.missing('channel_name');
    if (typeof name !== 'string') throw requestErrors.invalid('channel_name', 'expected a string');
    return name;
  });
  return [...new Set(names)];
}
