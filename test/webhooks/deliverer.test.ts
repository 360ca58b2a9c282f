// Which node delivers, what it does with what another was given, and what it does while the queue cannot be reached.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MemoryWebhookQueue } from '../../src/adapters/memory/webhook-queue.ts';
import { fakeTime } from '../core/support/time.ts';
import { pass, Rig } from './support/rig.ts';

const A = 'http://a.example/hook';
const DOWN = { status: 500, reason: 'answered 500' };

beforeEach(fakeTime);
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

async function rigWith(queue = new MemoryWebhookQueue()): Promise<Rig> {
  const rig = new Rig({}, queue);
  rig.app('app', { url: A });
  rig.deliverer.activate();
  return rig;
}

test('delivers what another was given and did not remove, first and in order', async () => {
  const queue = new MemoryWebhookQueue();
  const gone = new Rig({}, queue);
  const ids = await gone.clientEvents('app', 'private-a', 1200);
  await queue.read('fresh', 1100);
  const rig = await rigWith(queue);
  await pass(1500);
  expect(rig.idsAt(A)).toEqual(ids);
  expect(await rig.waiting('app')).toBe(0);
  await rig.end();
});

test('reads nothing before some app has an endpoint', async () => {
  const rig = new Rig();
  const read = vi.spyOn(rig.queue, 'read');
  await pass(1000);
  expect(read).not.toHaveBeenCalled();
  await rig.end();
  rig.deliverer.activate();
  await pass(1000);
  expect(read).not.toHaveBeenCalled();
});

describe('a node that does not hold the queue', () => {
  test('sends nothing until it does', async () => {
    const rig = new Rig();
    const claim = vi.spyOn(rig.queue, 'claim').mockResolvedValue(false);
    rig.app('app', { url: A });
    rig.deliverer.activate();
    await rig.clientEvents('app', 'private-a', 1);
    await pass(10_000);
    expect([rig.sent, rig.deliverer.holds]).toEqual([[], false]);
    claim.mockResolvedValue(true);
    await pass(4000);
    expect([rig.sent.length, rig.deliverer.holds]).toEqual([1, true]);
    await rig.end();
  });

  test('any more lets go of what it has in hand, and what was on its way and taken is removed', async () => {
    const rig = await rigWith();
    let answer = (_: { status: number }) => {};
    rig.answer = ({ events }) =>
      events[0]?.channel === 'private-a' ? new Promise((resolve) => (answer = resolve)) : DOWN;
    await rig.clientEvents('app', 'private-a', 2);
    await pass(200);
    await rig.clientEvents('app', 'private-b', 1);
    await pass(200);
    const claim = vi.spyOn(rig.queue, 'claim').mockResolvedValue(false);
    await pass(4000);
    const sent = rig.sent.length;
    await pass(60_000);
    expect(rig.sent).toHaveLength(sent);
    answer({ status: 200 });
    await pass(100);
    expect(await rig.waiting('app')).toBe(1);
    // And it takes up again what it left, when it is its turn.
    claim.mockResolvedValue(true);
    rig.answer = () => ({ status: 200 });
    await pass(4000);
    expect(await rig.waiting('app')).toBe(0);
    await rig.end();
  });

  test('is what one is that could not renew its claim in time', async () => {
    const rig = await rigWith();
    rig.answer = () => DOWN;
    await rig.clientEvents('app', 'private-a', 1);
    await pass(200);
    vi.spyOn(rig.queue, 'claim').mockRejectedValue(new Error('away'));
    await pass(9500);
    expect(rig.deliverer.holds).toBe(true);
    await pass(1500);
    expect(rig.deliverer.holds).toBe(false);
    const sent = rig.sent.length;
    await pass(60_000);
    expect(rig.sent).toHaveLength(sent);
    await rig.end();
  });
});

describe('while the queue cannot be reached', () => {
  test('what is delivered is removed later, and sent once', async () => {
    const rig = await rigWith();
    await rig.clientEvents('app', 'private-a', 2);
    const remove = vi.spyOn(rig.queue, 'remove').mockRejectedValue(new Error('away'));
    await pass(3000);
    expect(await rig.waiting('app')).toBe(2);
    remove.mockRestore();
    await pass(1100);
    expect(await rig.waiting('app')).toBe(0);
    expect(rig.sent).toHaveLength(1);
    await rig.end();
  });

  test('what is dead is buried later, and then removed', async () => {
    const rig = await rigWith();
    rig.app('app', { url: A, retrySeconds: 0 });
    rig.answer = () => DOWN;
    const bury = vi.spyOn(rig.queue, 'bury').mockRejectedValue(new Error('away'));
    await rig.clientEvents('app', 'private-a', 1);
    await pass(3000);
    expect(await rig.queue.sizes('app')).toEqual({ waiting: 1, dead: 0 });
    bury.mockRestore();
    await pass(1100);
    expect(await rig.queue.sizes('app')).toEqual({ waiting: 0, dead: 1 });
    await rig.end();
  });

  test('it is asked again', async () => {
    const rig = await rigWith();
    await pass(100);
    const read = vi.spyOn(rig.queue, 'read').mockRejectedValue(new Error('away'));
    await rig.clientEvents('app', 'private-a', 1);
    await pass(3000);
    read.mockRestore();
    await pass(1500);
    expect(rig.sent).toHaveLength(1);
    await rig.end();
  });
});

describe('stopping', () => {
  test('sends what there is without waiting for company, and what is not due stays', async () => {
    const rig = await rigWith();
    rig.app('app', { url: A, batchMs: 60_000 });
    await pass(100);
    await rig.clientEvents('app', 'private-a', 3);
    await rig.add('app', { name: 'channel_vacated', channel: 'private-a' });
    await rig.deliverer.drain();
    expect(rig.idsAt(A)).toHaveLength(3);
    await rig.end();
    expect(await rig.waiting('app')).toBe(1);
  });

  test('before it held the queue sends nothing', async () => {
    const rig = new Rig();
    rig.app('app', { url: A });
    await rig.clientEvents('app', 'private-a', 3);
    await rig.deliverer.drain();
    await rig.end();
    expect(rig.sent).toEqual([]);
  });

  test('where the queue ends with the last node, waits for its turn while there is something', async () => {
    const rig = new Rig();
    const claim = vi.spyOn(rig.queue, 'claim').mockResolvedValue(false);
    rig.app('app', { url: A });
    rig.deliverer.activate();
    await pass(100);
    const ids = await rig.clientEvents('app', 'private-a', 3);
    const draining = rig.deliverer.drain();
    await pass(500);
    expect(rig.sent).toEqual([]);
    claim.mockRestore();
    await pass(100);
    await draining;
    expect(rig.idsAt(A)).toEqual(ids);
    await rig.end();
  });

  test.each([
    ['there is nothing', 0, {}, 2],
    ['another node delivers what it leaves', 3, { handsOver: true }, 1],
  ])('does not wait where %s', async (_, waiting, which, claims) => {
    const rig = new Rig({}, undefined, which);
    const claim = vi.spyOn(rig.queue, 'claim').mockResolvedValue(false);
    rig.app('app', { url: A });
    rig.deliverer.activate();
    await pass(100);
    await rig.clientEvents('app', 'private-a', waiting);
    await rig.deliverer.drain();
    expect([rig.sent, claim.mock.calls.length]).toEqual([[], claims]);
    await rig.end();
  });

  test('does not wait when its time is over', async () => {
    const rig = new Rig();
    vi.spyOn(rig.queue, 'claim').mockResolvedValue(false);
    rig.app('app', { url: A });
    rig.deliverer.activate();
    await pass(100);
    await rig.clientEvents('app', 'private-a', 3);
    const draining = rig.deliverer.drain();
    await pass(100);
    await rig.deliverer.stop();
    await pass(100);
    await draining;
    await rig.end();
  });

  test('right after the first endpoint was heard of delivers to it', async () => {
    const rig = new Rig();
    rig.app('app', { url: A });
    const ids = await rig.clientEvents('app', 'private-a', 3);
    rig.deliverer.activate();
    await rig.deliverer.drain();
    expect(rig.idsAt(A)).toEqual(ids);
    await rig.end();
  });

  test('sends what it was unclear about till then', async () => {
    const rig = new Rig({ readCount: 5 });
    rig.app('app', { url: A });
    rig.refused.add('app');
    rig.deliverer.activate();
    const ids = await rig.clientEvents('app', 'private-a', 13);
    await pass(1000);
    rig.refused.delete('app');
    await rig.deliverer.drain();
    expect(rig.idsAt(A)).toEqual(ids);
    await rig.end();
  });

  test('is not held up by what was left by others', async () => {
    const queue = new MemoryWebhookQueue();
    const rig = new Rig({}, queue);
    rig.app('app', { url: A });
    const ids = await rig.clientEvents('app', 'private-a', 700);
    await queue.read('fresh', 1000);
    rig.deliverer.activate();
    await vi.advanceTimersByTimeAsync(1);
    await rig.deliverer.drain();
    expect(rig.idsAt(A)).toEqual(ids);
    await rig.end();
  });
});
