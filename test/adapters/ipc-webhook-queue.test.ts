// The webhook queue of workers: who delivers when one of them dies, hangs, or the primary is gone.
import { describe, expect, test, vi } from 'vitest';
import { startPrimary } from './support/ipc-worker.ts';

const LONG_MS = 60_000;

const event = (id: string) => ({ id, event: { name: 'channel_occupied', channel: 'a' }, atMs: 1 }) as const;

describe('ipc webhook queue', () => {
  test('is delivered by another worker as soon as the one that did so dies, with what that one was given', async () => {
    await using primary = await startPrimary();
    const [doomed, survivor] = [await primary.worker(), await primary.worker()];
    expect(await doomed.webhookQueue.claim(LONG_MS)).toBe(true);
    await doomed.webhookQueue.add('app', [event('a'), event('b')]);
    expect(await doomed.webhookQueue.read('fresh', 1)).toHaveLength(1);
    expect(await survivor.webhookQueue.claim(LONG_MS)).toBe(false);
    await doomed.die();
    expect(await survivor.webhookQueue.claim(LONG_MS)).toBe(true);
    expect(await survivor.webhookQueue.read('left', 10)).toMatchObject([{ id: 'a' }]);
    expect(await survivor.webhookQueue.read('fresh', 10)).toMatchObject([{ id: 'b' }]);
  });

  test('stays with the worker that delivers when another one dies', async () => {
    await using primary = await startPrimary();
    const [doomed, survivor, third] = [await primary.worker(), await primary.worker(), await primary.worker()];
    expect(await survivor.webhookQueue.claim(LONG_MS)).toBe(true);
    await doomed.die();
    expect(await third.webhookQueue.claim(LONG_MS)).toBe(false);
  });

  test('gives nothing to a worker that does not deliver, or does so no more', async () => {
    await using primary = await startPrimary();
    const [late, other] = [await primary.worker(), await primary.worker()];
    await late.webhookQueue.add('app', [event('a')]);
    expect(await other.webhookQueue.read('fresh', 10)).toEqual([]);
    expect(await late.webhookQueue.claim(50)).toBe(true);
    await vi.waitUntil(() => other.webhookQueue.claim(LONG_MS), { timeout: 10_000, interval: 10 });
    expect(await late.webhookQueue.read('fresh', 10)).toEqual([]);
    expect(await other.webhookQueue.read('fresh', 10)).toMatchObject([{ id: 'a' }]);
    // And does not say that there is nothing.
    expect(await late.webhookQueue.reread('app', 10, undefined)).toEqual({ entries: [], full: true });
    expect(await other.webhookQueue.reread('app', 10, undefined)).toMatchObject({ entries: [{ id: 'a' }] });
  });

  test('keeps nothing of an app that is gone', async () => {
    await using primary = await startPrimary();
    const { webhookQueue: queue } = await primary.worker();
    await queue.add('app', [event('a')]);
    await queue.bury('app', [{ ...event('b'), endpoint: 'x', reason: 'y', attempts: 1, diedAtMs: 1 }]);
    await queue.record('app', [{ endpoint: 'x', startedAtMs: 1, durationMs: 1, events: 1, ids: ['a'], attempt: 1 }]);
    expect(await queue.forget('app')).toBe(1);
    expect(await queue.sizes('app')).toEqual({ waiting: 0, dead: 0 });
    expect(await queue.deliveries('app')).toEqual([]);
  });

  test('is unavailable when the primary is gone', async () => {
    const primary = await startPrimary();
    const { webhookQueue, channel, stop } = await primary.worker();
    await channel.end();
    await expect(webhookQueue.add('app', [event('a')])).rejects.toMatchObject({ status: 503 });
    await expect(webhookQueue.claim(LONG_MS)).rejects.toMatchObject({ status: 503 });
    await stop();
    await primary[Symbol.asyncDispose]();
  });
});
