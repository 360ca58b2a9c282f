// Alarms at times of the wall clock.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { alarm } from '../../src/core/alarm.ts';
import { fakeTime } from './support/time.ts';

beforeEach(fakeTime);
afterEach(() => void vi.useRealTimers());

const LONGEST_MS = 2 ** 31 - 1;

test.each([0.5, 1, 1000, LONGEST_MS, LONGEST_MS + 1, 3 * LONGEST_MS])(
  'rings once, after %d ms and not before',
  (ms) => {
    const ring = vi.fn();
    alarm(Date.now() + ms, ring);
    vi.advanceTimersByTime(Math.ceil(ms) - 1);
    expect(ring).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(ring).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(LONGEST_MS);
    expect(ring).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  },
);

test('for a time that is over it rings at once, but not before the caller knows how to call it off', () => {
  const ring = vi.fn();
  alarm(Date.now() - 5000, ring);
  expect(ring).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(ring).toHaveBeenCalledTimes(1);
});

test('waits again when the clock says that it is not yet time', () => {
  const ring = vi.fn();
  alarm(Date.now() + 1000, ring);
  vi.setSystemTime(Date.now() - 60_000);
  vi.advanceTimersByTime(60_999);
  expect(ring).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(ring).toHaveBeenCalledTimes(1);
});

test.each([1000, Number.POSITIVE_INFINITY, 3 * LONGEST_MS])('called off it never rings (%d ms)', (ms) => {
  const ring = vi.fn();
  const callOff = alarm(Date.now() + ms, ring);
  vi.advanceTimersByTime(999);
  callOff();
  callOff();
  expect(vi.getTimerCount()).toBe(0);
  expect(ring).not.toHaveBeenCalled();
});

test('called off after it was set anew, it never rings either', () => {
  const ring = vi.fn();
  const callOff = alarm(Date.now() + 2 * LONGEST_MS, ring);
  vi.advanceTimersByTime(LONGEST_MS + 1);
  callOff();
  expect(vi.getTimerCount()).toBe(0);
});
