// A request with an idempotency key is done once, however often and wherever it is sent.
import { createHash } from 'node:crypto';
import { isUnavailable, RequestError, requestErrors } from '../protocol/errors.ts';
import type { RequestLog } from './ports.ts';

export interface Identified {
  /** As the client chose it. */
  readonly key: string;
  /** Everything that makes it the same request. */
  readonly content: readonly (string | Buffer)[];
}

/** An answer, and whether it is that of an earlier attempt. */
export interface Done {
  readonly answer: string;
  readonly replayed: boolean;
}

/**
 * Does the work unless that was done before; what was refused, having done nothing, may be tried again at once. Where the
 * work fails otherwise, or its node dies, nobody knows how much of it was done: the key is free again after PENDING_SECONDS.
 * @throws RequestError 409 while it is being done or may have been, 422 for a key that was used for something else; what `work` throws
 */
export async function once(
  log: RequestLog,
  appId: string,
  { key, content }: Identified,
  work: () => Promise<string>,
): Promise<Done> {
  const digest = digestOf(content);
  const attempt = await log.begin(appId, key, digest);
  if (attempt.state === 'done') return { answer: attempt.answer, replayed: true };
  if (attempt.state === 'pending') throw requestErrors.stillDoing();
  if (attempt.state === 'other') throw requestErrors.keyOfAnother();
  let answer: string;
  try {
    answer = await work();
  } catch (err) {
    if (isRefusal(err)) await log.forget(appId, key, attempt.claim).catch(ignoreUnavailable);
    throw err;
  }
  // It is done, whoever remembers it.
  await log.finish(appId, key, { claim: attempt.claim, digest }, answer).catch(ignoreUnavailable);
  return { answer, replayed: false };
}

function digestOf(content: Identified['content']): string {
  const hash = createHash('sha256');
  for (const part of content) hash.update(`${part.length}:`).update(part);
  return hash.digest('base64');
}

/** Refusals come before anything is done. */
function isRefusal(err: unknown): boolean {
  return err instanceof RequestError && err.status < 500;
}

function ignoreUnavailable(err: unknown): void {
  if (!isUnavailable(err)) throw err;
}
