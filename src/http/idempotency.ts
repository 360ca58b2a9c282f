// Idempotency-Key: a publish that is sent again, to any server, is done once.
import type { App } from '../core/app.ts';
import type { Core } from '../core/core.ts';
import { RequestError } from '../protocol/errors.ts';

const KEY = /^[ -~]{1,255}$/;

export interface Publish {
  readonly app: App;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** What makes it the same request beside the app: which route, and the bytes of the body. */
  readonly content: readonly [route: string, body: Buffer];
}

/** The answer as JSON, and headers that say when it is an earlier one. */
export interface Published {
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Of an answer that nobody was given before. */
export const NO_HEADERS: Published['headers'] = {};

/**
 * Publishes, unless the same request with this Idempotency-Key was answered before.
 * @throws RequestError 400 for a key that is none, 409 while the first is under way or may have been done, 422 when it was another request
 */
export async function publishOnce(
  core: Core,
  { app, headers, content }: Publish,
  publish: () => Promise<object>,
): Promise<Published> {
  const { 'idempotency-key': key } = headers;
  if (key === undefined) return { text: JSON.stringify(await publish()), headers: NO_HEADERS };
  if (typeof key !== 'string' || !KEY.test(key)) {
    throw new RequestError(400, 'Invalid Idempotency-Key: expected 1 to 255 printable ASCII characters');
  }
  const work = async () => JSON.stringify(await publish());
  const { answer, replayed } = await core.once(app, { key, content }, work);
  return { text: answer, headers: replayed ? { 'idempotency-replayed': 'true' } : NO_HEADERS };
}
