// What every rate limiter does: no more than the limit in any second, all of an amount or nothing.
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { awkwardTexts, Deliveries, type MakeCluster } from './cluster.ts';

export function rateLimiterContract(name: string, make: MakeCluster): void {
  const start = () => make(new Deliveries().deliver);

  describe(`${name}: rate limiter`, () => {
    test('admits the limit, then says how many milliseconds to wait', async () => {
      await using cluster = await start();
      const { rateLimiter } = cluster.node;
      for (let taken = 0; taken < 5; taken += 1) expect(await rateLimiter.take('app/events', 1, 5)).toBe(0);
      const waitMs = await cluster.other.rateLimiter.take('app/events', 1, 5);
      expect(waitMs).toBeGreaterThan(0);
      expect(waitMs).toBeLessThanOrEqual(1000);
    });

    test('takes all of an amount or nothing', async () => {
      await using cluster = await start();
      const { rateLimiter } = cluster.node;
      expect(await rateLimiter.take('app/events', 3, 5)).toBe(0);
      expect(await rateLimiter.take('app/events', 3, 5)).toBeGreaterThan(0);
      expect(await rateLimiter.take('app/events', 2, 5)).toBe(0);
      expect(await rateLimiter.take('app/events', 1, 5)).toBeGreaterThan(0);
    });

    test('never admits an amount above the limit, and takes nothing of it', async () => {
      await using cluster = await start();
      const { rateLimiter } = cluster.node;
      expect(await rateLimiter.take('app/events', 6, 5)).toBeGreaterThan(0);
      expect(await rateLimiter.take('app/events', 5, 5)).toBe(0);
    });

    test('admits no more than the limit of those who come at once', async () => {
      await using cluster = await start();
      const takers = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? cluster.node : cluster.other));
      const waits = await Promise.all(takers.map(({ rateLimiter }) => rateLimiter.take('app/events', 1, 10)));
      expect(waits.filter((waitMs) => waitMs === 0)).toHaveLength(10);
    });

    test('counts each key by itself', async () => {
      await using cluster = await start();
      const { rateLimiter } = cluster.node;
      for (const key of awkwardTexts) {
        expect(await rateLimiter.take(key, 1, 1)).toBe(0);
      }
      for (const key of awkwardTexts) {
        expect(await rateLimiter.take(key, 1, 1)).toBeGreaterThan(0);
      }
    });

    test('admits again after the wait it named, which refused attempts do not lengthen', async () => {
      await using cluster = await start();
      const { rateLimiter } = cluster.node;
      const startedMs = performance.now();
      expect(await rateLimiter.take('app/events', 4, 4)).toBe(0);
      let waits = 0;
      for (let waitMs = await rateLimiter.take('app/events', 1, 4); waitMs > 0; ) {
        waits += 1;
        await delay(Math.ceil(waitMs));
        waitMs = await rateLimiter.take('app/events', 1, 4);
      }
      // Node's timers may be a millisecond early.
      expect(waits).toBeLessThanOrEqual(2);
      expect(performance.now() - startedMs).toBeGreaterThanOrEqual(998);
    });

    test('may be stopped twice', async () => {
      await using cluster = await start();
      await cluster.node.rateLimiter.stop();
      await expect(cluster.node.rateLimiter.stop()).resolves.toBe(undefined);
    });
  });
}
