// The requests of one endpoint: how many at a time, when one that failed goes again, and what an endpoint that is down
// changes.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Attempt, Attempts } from '../../src/webhooks/attempts.ts';

const options = { concurrency: 2, breakAfterFailures: 3, firstPauseMs: 1000, lastPauseMs: 60_000 };

beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(1));
afterEach(() => vi.restoreAllMocks());

const attempt = (): Attempt => ({ batch: [], body: Buffer.alloc(0), firstMs: 0, attempts: 1, nextMs: 0 });

/** So many that failed at 0. */
function withFailed(count: number): { attempts: Attempts; failed: Attempt[] } {
  const attempts = new Attempts(options, 300);
  const failed = Array.from({ length: count }, attempt);
  for (const one of failed) expect(attempts.refused(one, 0)).toBe(true);
  return { attempts, failed };
}

test('so many are under way at a time, and one where the endpoint seems down', () => {
  const { attempts } = withFailed(2);
  const running = attempt();
  attempts.begin(running);
  expect([attempts.hasRoom(), attempts.mayBegin()]).toEqual([true, true]);
  attempts.refused(attempt(), 0);
  expect([attempts.hasRoom(), attempts.mayBegin()]).toEqual([false, false]);
  attempts.end(running);
  expect([attempts.hasRoom(), attempts.mayBegin()]).toEqual([true, false]);
});

test('what failed goes again after its pause, oldest first, once', () => {
  const { attempts, failed } = withFailed(2);
  expect([attempts.dueMs(), attempts.takeDue(999)]).toEqual([1000, undefined]);
  expect([attempts.takeDue(1000), attempts.takeDue(1000), attempts.takeDue(1000)]).toEqual([...failed, undefined]);
  expect([attempts.failed, attempts.dueMs()]).toEqual([0, Number.POSITIVE_INFINITY]);
});

test('what an endpoint took that was down has what failed go at once; one that was not is not asked more often', () => {
  const down = withFailed(3).attempts;
  down.taken();
  expect([down.dueMs(), down.mayBegin()]).toEqual([0, true]);
  const up = withFailed(2).attempts;
  up.taken();
  expect(up.dueMs()).toBe(1000);
});

test('what failed for so long is not sent again, by the time of the moment', () => {
  const attempts = new Attempts(options, 300);
  expect(attempts.refused(attempt(), 290_000)).toBe(true);
  attempts.configure(60);
  expect(attempts.refused(attempt(), 290_000)).toBe(false);
  expect(attempts.failed).toBe(1);
});
