// The memory adapters keep the contracts, as a cluster of one; and what is theirs alone: time, forgetting, sharing.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { memoryAdapters } from '../../src/adapters/memory/adapters.ts';
import { Backlog } from '../../src/adapters/memory/backlog.ts';
import { Denials } from '../../src/adapters/memory/denials.ts';
import { MemoryEventCache } from '../../src/adapters/memory/event-cache.ts';
import { MemoryRateLimiter } from '../../src/adapters/memory/rate-limiter.ts';
import { MemoryWebhookQueue } from '../../src/adapters/memory/webhook-queue.ts';
import type { Topic } from '../../src/core/ports.ts';
import { brokerContract } from './contract/broker.ts';
import type { MakeCluster } from './contract/cluster.ts';
import { eventCacheContract } from './contract/event-cache.ts';
import { nodeRegistryContract } from './contract/node-registry.ts';
import { rateLimiterContract } from './contract/rate-limiter.ts';
import { requestLogContract } from './contract/request-log.ts';
import { trackerContract } from './contract/tracker.ts';
import { webhookQueueContract } from './contract/webhook-queue.ts';

const makeCluster: MakeCluster = async (deliver, limits) => {
  const adapters = memoryAdapters(limits);
  const { broker, tracker, eventCache, rateLimiter, webhookQueue } = adapters;
  await broker.start(deliver);
  await Promise.all([tracker.start(() => {}), eventCache.start(), rateLimiter.start(), webhookQueue.start()]);
  return {
    node: adapters,
    other: adapters,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([tracker.stop(), eventCache.stop(), rateLimiter.stop(), webhookQueue.stop()]);
      await broker.stop();
    },
  };
};

brokerContract('memory', makeCluster);
trackerContract('memory', makeCluster);
eventCacheContract('memory', makeCluster);
rateLimiterContract('memory', makeCluster);
nodeRegistryContract('memory', makeCluster);
requestLogContract('memory', makeCluster);
webhookQueueContract('memory', makeCluster);

describe('memory: broker, within a process', () => {
  test('delivers before publish returns, and hands the very buffer on', async () => {
    const delivered: unknown[] = [];
    await using cluster = await makeCluster((...delivery) => delivered.push(delivery));
    await cluster.node.broker.subscribe('topic');
    const message = { type: 'frame', frame: Buffer.from('x') } as const;
    void cluster.node.broker.publish('topic', message);
    expect(delivered).toHaveLength(1);
    expect((delivered[0] as unknown[])[1]).toBe(message);
  });

  test('delivers nothing after the topic was left, nor after the stop', async () => {
    const delivered: unknown[] = [];
    await using cluster = await makeCluster((...delivery) => delivered.push(delivery));
    const { broker } = cluster.node;
    await broker.subscribe('topic');
    broker.unsubscribe('topic');
    await broker.publish('topic', { type: 'terminate' });
    await broker.subscribe('topic');
    await broker.stop();
    await broker.publish('topic', { type: 'terminate' });
    expect(delivered).toEqual([]);
  });
});

describe('memory: what passes with time', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('an event is kept to the last millisecond of its seconds, which are rounded up', async () => {
    const cache = new MemoryEventCache();
    await cache.set('app', 'cache-news', { name: 'e', data: '1' }, 1800);
    const event = { name: 'e', data: '1' };
    vi.advanceTimersByTime(1);
    expect(await cache.get('app', 'cache-news')).toEqual({ ...event, ttlSeconds: 1800 });
    vi.advanceTimersByTime(999);
    expect(await cache.get('app', 'cache-news')).toEqual({ ...event, ttlSeconds: 1799 });
    vi.advanceTimersByTime(1_798_999);
    expect(await cache.get('app', 'cache-news')).toEqual({ ...event, ttlSeconds: 1 });
    vi.advanceTimersByTime(1);
    expect(await cache.get('app', 'cache-news')).toBe(undefined);
  });

  test.each([
    ['event cache', () => new MemoryEventCache()],
    ['rate limiter', () => new MemoryRateLimiter()],
    ['tracker', () => memoryAdapters().tracker],
  ])('the %s sweeps from start to stop with one timer, however often it is started', async (_, make) => {
    const adapter = make();
    await adapter.start(() => {});
    await adapter.start(() => {});
    expect(vi.getTimerCount()).toBe(1);
    await adapter.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('the sweep spares what is still to be kept', async () => {
    const cache = new MemoryEventCache();
    await cache.start();
    await cache.set('app', 'cache-old', { name: 'old', data: '1' }, 10);
    await cache.set('app', 'cache-new', { name: 'new', data: '1' }, 3600);
    vi.advanceTimersByTime(60_000);
    expect(await cache.get('app', 'cache-old')).toBe(undefined);
    expect(await cache.get('app', 'cache-new')).toMatchObject({ name: 'new' });
    await cache.stop();
  });

  test('a denial lapses to the millisecond, and its seconds are rounded up', async () => {
    const { tracker } = memoryAdapters();
    const join = () => tracker.join({ appId: 'app', channel: 'room', socketId: '1.1', users: ['7'] });
    await tracker.deny('app', 'room', '7', 10);
    vi.advanceTimersByTime(1);
    expect(await tracker.deniedSeconds('app', 'room', '7')).toBe(10);
    vi.advanceTimersByTime(9998);
    expect(await join()).toEqual({ refused: 'denied', seconds: 1 });
    vi.advanceTimersByTime(1);
    expect(await tracker.deniedSeconds('app', 'room', '7')).toBe(0);
    expect(await join()).toMatchObject({ occupied: true });
  });

  test('a denial that lapsed is swept, and the others are kept', () => {
    const denials = new Denials();
    denials.start();
    denials.set('app', 'room', '7', 59);
    denials.set('app', 'room', '8', 61);
    vi.advanceTimersByTime(60_000);
    expect(denials.size).toBe(1);
    expect(denials.secondsLeft('app', 'room', '8')).toBe(1);
    denials.stop();
    expect(denials.size).toBe(0);
  });

  test('the rate limiter’s sweep does not let a busy key through', async () => {
    const limiter = new MemoryRateLimiter();
    await limiter.start();
    vi.advanceTimersByTime(9_500);
    expect(await limiter.take('key', 1, 1)).toBe(0);
    vi.advanceTimersByTime(500);
    expect(await limiter.take('key', 1, 1)).toBe(500);
    vi.advanceTimersByTime(500);
    expect(await limiter.take('key', 1, 1)).toBe(0);
    await limiter.stop();
  });

  test('a limit that changed counts anew', async () => {
    const limiter = new MemoryRateLimiter();
    expect(await limiter.take('key', 2, 2)).toBe(0);
    expect(await limiter.take('key', 3, 3)).toBe(0);
    expect(await limiter.take('key', 1, 3)).toBe(1000);
  });
});

describe('memory: webhook queue', () => {
  const event = (id: string) => ({ id, event: { name: 'channel_occupied', channel: 'a' }, atMs: 1 }) as const;

  test('is delivered by the one node there is, and ends with it', async () => {
    const queue = new MemoryWebhookQueue();
    await queue.add('app', [event('a')]);
    await queue.release();
    expect(await queue.claim()).toBe(true);
    await queue.stop();
    expect(await queue.read('fresh', 10)).toEqual([]);
    expect(await queue.sizes('app')).toEqual({ waiting: 0, dead: 0 });
  });

  test('takes no more room for having been long', () => {
    const backlog = new Backlog('app');
    for (let at = 0; at < 20_000; at += 1) {
      backlog.add(event(String(at)));
      for (const { entryId } of backlog.give(1)) backlog.remove(entryId);
    }
    expect(backlog.size).toBe(0);
    expect(backlog.span).toBeLessThan(3000);
  });

  test('has the same entries when thousands have gone before them, in whatever order', async () => {
    const queue = new MemoryWebhookQueue();
    let waiting: string[] = [];
    let next = 0;
    for (let round = 0; round < 60; round += 1) {
      const added = Array.from({ length: 200 }, () => event(String(next++)));
      await queue.add('app', added);
      waiting.push(...added.map(({ id }) => id));
      const given = await queue.read('fresh', 190);
      expect(given[0]?.id).toBe(String(round * 190));
      const left = await queue.read('left', 10_000);
      expect(left.map(({ id }) => id)).toEqual(waiting.slice(0, left.length));
      // All but some of the last ones, the newest first.
      const done = left.filter(({ id }, index) => Number(id) % 7 !== 0 || index < left.length - 300).reverse();
      await queue.remove(
        'app',
        done.map(({ entryId }) => entryId),
      );
      const gone = new Set(done.map(({ id }) => id));
      waiting = waiting.filter((id) => !gone.has(id));
      expect(await queue.sizes('app')).toEqual({ waiting: waiting.length, dead: 0 });
    }
    expect(waiting.length).toBeGreaterThan(600);
  });
});

describe('members in memory', () => {
  const ROOM = 'presence-room';

  test('are one list until somebody comes or goes', async () => {
    const { tracker } = memoryAdapters();
    const of = (userId: string, socketId: string) => {
      const announce = { topic: 't' as Topic, frame: Buffer.alloc(0) };
      return { appId: 'app', channel: ROOM, socketId, announce, member: { userId, info: 'null' } };
    };
    const join = async (userId: string, socketId: string) => {
      const { member, announce, ...rest } = of(userId, socketId);
      const joined = await tracker.join({ ...rest, users: [userId], presence: { member, limit: 10, announce } });
      return joined.refused === undefined ? joined.members : [];
    };
    const leave = async (userId: string, socketId: string) => {
      const { announce, member: _, ...rest } = of(userId, socketId);
      await tracker.leave({ ...rest, presence: { userId, announce } });
    };
    const alone = await join('1', '1.1');
    expect(await join('1', '1.2')).toBe(alone);
    const both = await join('2', '2.1');
    expect(both).toHaveLength(2);
    await leave('1', '1.1');
    expect(await tracker.members('app', ROOM)).toBe(both);
    await leave('1', '1.2');
    expect(await tracker.members('app', ROOM)).toEqual([{ userId: '2', info: 'null' }]);
    expect(alone).toHaveLength(1);
  });
});
