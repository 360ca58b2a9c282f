// What every event cache does: keeps a channel's last event for its seconds.
import { describe, expect, test, vi } from 'vitest';
import { awkwardTexts, Deliveries, type MakeCluster } from './cluster.ts';

export function eventCacheContract(name: string, make: MakeCluster): void {
  const start = () => make(new Deliveries().deliver);

  describe(`${name}: event cache`, () => {
    test('has nothing for a channel without an event', async () => {
      await using cluster = await start();
      expect(await cluster.node.eventCache.get('app', 'cache-news')).toBe(undefined);
    });

    test('gives the event back, and the whole seconds it will still be kept', async () => {
      await using cluster = await start();
      await cluster.node.eventCache.set('app', 'cache-news', { name: 'headline', data: '{"a":1}' }, 1800);
      const cached = await cluster.other.eventCache.get('app', 'cache-news');
      expect(cached).toEqual({ name: 'headline', data: '{"a":1}', ttlSeconds: expect.any(Number) });
      expect(Number.isInteger(cached?.ttlSeconds)).toBe(true);
      expect(cached?.ttlSeconds).toBeGreaterThan(1790);
      expect(cached?.ttlSeconds).toBeLessThanOrEqual(1800);
    });

    test('keeps the last event only, for its own seconds', async () => {
      await using cluster = await start();
      const { eventCache } = cluster.node;
      await eventCache.set('app', 'cache-news', { name: 'first', data: 'a much longer first text' }, 5);
      await eventCache.set('app', 'cache-news', { name: 'second', data: '2' }, 1000);
      const cached = await eventCache.get('app', 'cache-news');
      expect(cached).toMatchObject({ name: 'second', data: '2' });
      expect(cached?.ttlSeconds).toBeGreaterThan(5);
    });

    test('keeps apps and channels apart', async () => {
      await using cluster = await start();
      const { eventCache } = cluster.node;
      await eventCache.set('app', 'cache-news', { name: 'mine', data: '1' }, 60);
      expect(await eventCache.get('app2', 'cache-news')).toBe(undefined);
      expect(await eventCache.get('app', 'cache-new')).toBe(undefined);
      expect(await eventCache.get('app', 'CACHE-news')).toBe(undefined);
    });

    test.each(awkwardTexts)('returns channel, name and data as they are: %j', async (awkward) => {
      await using cluster = await start();
      const { eventCache } = cluster.node;
      await eventCache.set('app', `cache-${awkward}`, { name: awkward, data: awkward }, 60);
      expect(await eventCache.get('app', `cache-${awkward}`)).toMatchObject({ name: awkward, data: awkward });
    });

    test.each([
      ['empty', ''],
      ['large', 'é'.repeat(100_000)],
    ])('returns %s data as it is', async (_, data) => {
      await using cluster = await start();
      await cluster.node.eventCache.set('app', 'cache-news', { name: 'e', data }, 60);
      expect((await cluster.node.eventCache.get('app', 'cache-news'))?.data).toBe(data);
    });

    test('forgets the event when its seconds are over', async () => {
      await using cluster = await start();
      const { eventCache } = cluster.node;
      await eventCache.set('app', 'cache-news', { name: 'e', data: '1' }, 1);
      expect(await eventCache.get('app', 'cache-news')).toEqual({ name: 'e', data: '1', ttlSeconds: 1 });
      await vi.waitUntil(async () => (await eventCache.get('app', 'cache-news')) === undefined, { timeout: 5000 });
    });

    test('may be stopped twice', async () => {
      await using cluster = await start();
      await cluster.node.eventCache.stop();
      await expect(cluster.node.eventCache.stop()).resolves.toBe(undefined);
    });
  });
}
