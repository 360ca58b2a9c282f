// The Redis adapters keep the contracts, as two nodes of one cluster over a real redis-server.
import { pino } from 'pino';
import { afterAll } from 'vitest';
import { redisAdapters } from '../../src/adapters/redis/adapters.ts';
import type { Adapters, Deliver } from '../../src/core/ports.ts';
import { startRedis } from '../support/redis.ts';
import { brokerContract } from './contract/broker.ts';
import type { MakeCluster } from './contract/cluster.ts';
import { eventCacheContract } from './contract/event-cache.ts';
import { rateLimiterContract } from './contract/rate-limiter.ts';
import { trackerContract } from './contract/tracker.ts';

const redis = await startRedis();
afterAll(() => redis[Symbol.asyncDispose]());

const log = pino({ level: 'silent' });

async function start({ broker, tracker, eventCache, rateLimiter }: Adapters, deliver: Deliver): Promise<void> {
  await broker.start(deliver);
  await Promise.all([tracker.start(() => {}), eventCache.start(), rateLimiter.start()]);
}

async function stop({ broker, tracker, eventCache, rateLimiter }: Adapters): Promise<void> {
  await Promise.all([tracker.stop(), eventCache.stop(), rateLimiter.stop()]);
  await broker.stop();
}

const makeCluster: MakeCluster = async (deliver) => {
  const settings = redis.settings();
  const node = redisAdapters(settings, log);
  const other = redisAdapters(settings, log);
  await Promise.all([start(node, deliver), start(other, () => {})]);
  return {
    node,
    other,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([stop(node), stop(other)]);
    },
  };
};

brokerContract('redis', makeCluster);
trackerContract('redis', makeCluster);
eventCacheContract('redis', makeCluster);
rateLimiterContract('redis', makeCluster);
