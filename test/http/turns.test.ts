// Publishes take turns by app once a turn of the event loop gets long.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Turns } from '../../src/http/turns.ts';
import { fakeTime, settle } from '../core/support/time.ts';

beforeEach(() => fakeTime());
afterEach(() => vi.useRealTimers());

/** Tasks that take so long; what was begun, in order. */
function rig(tookMs: number) {
  const turns = new Turns();
  const begun: string[] = [];
  const take = (appId: string, name: string) =>
    turns.take(appId, async () => {
      begun.push(name);
      vi.advanceTimersByTime(tookMs);
      return name;
    });
  return { begun, take };
}

test('in a short turn, publishes are done as they come', async () => {
  const { begun, take } = rig(1);
  const done = ['a1', 'a2', 'b1', 'a3'].map((name) => take(name.slice(0, 1), name));
  expect(begun).toEqual(['a1', 'a2', 'b1', 'a3']);
  expect(await Promise.all(done)).toEqual(begun);
});

test('in a long one the rest waits, one of each app at a time, each app’s in its order', async () => {
  const { begun, take } = rig(11);
  const done = ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1'].map((name) => take(name.slice(0, 1), name));
  expect(begun).toEqual(['a1']);
  expect(await Promise.all(done)).toEqual(['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1']);
  expect(begun).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4']);
});

test('what comes while others wait does not overtake its own app’s', async () => {
  const { begun, take } = rig(11);
  const done = [take('a', 'a1'), take('a', 'a2'), take('a', 'a3')];
  await new Promise((resolve) => setImmediate(resolve));
  done.push(take('a', 'a4'), take('b', 'b1'));
  await Promise.all(done);
  expect(begun.filter((name) => name.startsWith('a'))).toEqual(['a1', 'a2', 'a3', 'a4']);
  expect(begun.indexOf('b1')).toBeLessThan(begun.indexOf('a4'));
});

test('a task that fails delays nobody, and its error is its own', async () => {
  const turns = new Turns();
  const fails = async () => {
    vi.advanceTimersByTime(11);
    throw new Error('refused');
  };
  const all = await Promise.allSettled([
    turns.take('a', fails),
    turns.take('a', fails),
    turns.take('a', async () => 1),
  ]);
  expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
});

test('after a pause nobody waits', async () => {
  const { begun, take } = rig(11);
  await take('a', 'a1');
  await settle();
  void take('a', 'a2');
  expect(begun).toEqual(['a1', 'a2']);
});
