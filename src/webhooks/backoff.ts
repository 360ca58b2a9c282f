// When a failed request is sent again: exponential backoff with full jitter, within the time it is given. Pure.

export interface RetryOptions {
  readonly firstPauseMs: number;
  readonly lastPauseMs: number;
  /** Since the first attempt. */
  readonly retryMs: number;
}

/** The last attempt comes a little before the end, as clocks differ and the receiver may measure too. */
const LAST_ATTEMPT_SHARE = 0.97;

/**
 * @param attempts so far, 1 or more
 * @param firstMs when the first was made
 * @param random from 0 to 1: what spreads endpoints that fail together
 * @returns when to try again, of the clock of `nowMs`; undefined when it is given up
 */
export function nextAttemptMs(
  attempts: number,
  firstMs: number,
  nowMs: number,
  random: number,
  { firstPauseMs, lastPauseMs, retryMs }: RetryOptions,
): number | undefined {
  const lastMs = firstMs + retryMs * LAST_ATTEMPT_SHARE;
  if (nowMs >= lastMs) return undefined;
  const pauseMs = random * Math.min(lastPauseMs, firstPauseMs * 2 ** (attempts - 1));
  return Math.min(nowMs + pauseMs, lastMs);
}
