// Never more than the limit in any second, and never less than could be.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SlidingWindow } from '../../src/core/sliding-window.ts';

test('admits the limit at once, then one for each that is a second old', () => {
  const window = new SlidingWindow(2);
  expect(window.take(1, 0)).toBe(0);
  expect(window.take(1, 400)).toBe(0);
  expect(window.take(1, 500)).toBe(500);
  expect(window.take(1, 999)).toBe(1);
  expect(window.take(1, 1000)).toBe(0);
  expect(window.take(1, 1000)).toBe(400);
  expect(window.take(1, 1400)).toBe(0);
});

test('takes all of an amount or nothing', () => {
  const window = new SlidingWindow(3);
  expect(window.take(2, 0)).toBe(0);
  expect(window.take(2, 10)).toBe(990);
  expect(window.take(1, 10)).toBe(0);
  expect(window.take(3, 1000)).toBe(10);
  expect(window.take(2, 1000)).toBe(0);
});

test('never admits more than the limit is', () => {
  const window = new SlidingWindow(3);
  expect(window.take(4, 0)).toBe(Number.POSITIVE_INFINITY);
  expect(window.take(3, 0)).toBe(0);
});

test('is idle when nothing was admitted for a second', () => {
  const window = new SlidingWindow(2);
  expect(window.isIdle(0)).toBe(true);
  window.take(1, 0);
  window.take(1, 300);
  window.take(1, 700);
  expect(window.isIdle(1299)).toBe(false);
  expect(window.isIdle(1300)).toBe(true);
  expect(window.limit).toBe(2);
});

const arrivals = fc.array(fc.record({ afterMs: fc.nat({ max: 600 }), amount: fc.integer({ min: 1, max: 4 }) }), {
  maxLength: 80,
});

test('for arbitrary arrivals: never more than the limit in any second, and no refusal without need', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), arrivals, (limit, list) => {
      const window = new SlidingWindow(limit);
      const admitted: { atMs: number; amount: number }[] = [];
      /** What was admitted in the second that ends now, which began just after this instant. */
      const within = (nowMs: number) =>
        admitted.filter(({ atMs }) => atMs > nowMs - 1000).reduce((sum, { amount }) => sum + amount, 0);
      let nowMs = 0;
      for (const { afterMs, amount } of list) {
        nowMs += afterMs;
        const waitMs = window.take(amount, nowMs);
        if (waitMs === 0) admitted.push({ atMs: nowMs, amount });
        else expect(within(nowMs) + amount).toBeGreaterThan(limit);
        expect(within(nowMs)).toBeLessThanOrEqual(limit);
      }
    }),
    { numRuns: 500 },
  );
});

test('for arbitrary arrivals: the wait it names suffices, and a millisecond less does not', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), arrivals, (limit, list) => {
      const window = new SlidingWindow(limit);
      let nowMs = 0;
      for (const { afterMs, amount } of list) {
        nowMs += afterMs;
        const waitMs = window.take(amount, nowMs);
        if (waitMs === 0 || waitMs === Number.POSITIVE_INFINITY) continue;
        expect(window.take(amount, nowMs + waitMs - 1)).toBe(1);
        nowMs += waitMs;
        expect(window.take(amount, nowMs)).toBe(0);
      }
    }),
    { numRuns: 300 },
  );
});
