// When a failed request is sent again. Numbers in, numbers out.
import { expect, test } from 'vitest';
import { nextAttemptMs } from '../../src/webhooks/backoff.ts';

const options = { firstPauseMs: 1000, lastPauseMs: 60_000, retryMs: 300_000 };

test.each([
  [1, 1000],
  [2, 2000],
  [3, 4000],
  [6, 32_000],
  [7, 60_000],
  [60, 60_000],
])('after attempt %i at most %i ms later, with full jitter', (attempts, pauseMs) => {
  expect(nextAttemptMs(attempts, 0, 100, 1, options)).toBe(100 + pauseMs);
  expect(nextAttemptMs(attempts, 0, 100, 0.25, options)).toBe(100 + pauseMs / 4);
  expect(nextAttemptMs(attempts, 0, 100, 0, options)).toBe(100);
});

test('the last attempt comes shortly before the end, and none after it', () => {
  expect(nextAttemptMs(9, 1000, 280_000, 1, options)).toBe(292_000);
  expect(nextAttemptMs(9, 1000, 291_999, 1, options)).toBe(292_000);
  expect(nextAttemptMs(9, 1000, 292_000, 0, options)).toBe(undefined);
});

test('nothing is repeated where there is no time for it', () => {
  expect(nextAttemptMs(1, 0, 0, 1, { ...options, retryMs: 0 })).toBe(undefined);
});
