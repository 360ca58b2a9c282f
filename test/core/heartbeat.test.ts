// When an idle peer is asked for a sign of life, and when it is given up.
import { expect, test } from 'vitest';
import { heartbeat } from '../../src/core/heartbeat.ts';

const options = { activityTimeoutMs: 30_000, pongTimeoutMs: 20_000 };

test.each<[what: string, heardMs: number, askedMs: number, nowMs: number, step: ReturnType<typeof heartbeat>]>([
  ['just heard', 1000, 0, 1000, 'alive'],
  ['silent for the activity timeout, in which clients ping by themselves', 1000, 0, 31_000, 'alive'],
  ['silent for almost the slack of 5 seconds more', 1000, 0, 35_999, 'alive'],
  ['silent for the slack too', 1000, 0, 36_000, 'ask'],
  ['asked just now', 1000, 36_000, 36_000, 'alive'],
  ['asked, and almost out of time', 1000, 36_000, 55_999, 'alive'],
  ['asked, and out of time', 1000, 36_000, 56_000, 'give-up'],
  ['answered in time', 55_999, 36_000, 56_000, 'alive'],
  ['answered, and silent once more', 55_999, 36_000, 90_999, 'ask'],
  ['answered in the very millisecond of the question', 36_000, 36_000, 56_000, 'alive'],
])('%s', (_, heardMs, askedMs, nowMs, step) => {
  expect(heartbeat(heardMs, askedMs, nowMs, options)).toBe(step);
});
