// The contracts of all ports, kept by two nodes of one cluster over Redis, wherever that is.
import { pino } from 'pino';
import { redisAdapters } from '../../../src/adapters/redis/adapters.ts';
import type { RedisOptions } from '../../../src/adapters/redis/settings.ts';
import type { Adapters, Deliver } from '../../../src/core/ports.ts';
import { brokerContract } from '../contract/broker.ts';
import type { MakeCluster } from '../contract/cluster.ts';
import { eventCacheContract } from '../contract/event-cache.ts';
import { nodeRegistryContract } from '../contract/node-registry.ts';
import { rateLimiterContract } from '../contract/rate-limiter.ts';
import { requestLogContract } from '../contract/request-log.ts';
import { trackerContract } from '../contract/tracker.ts';
import { webhookClaimContract, webhookQueueContract } from '../contract/webhook-queue.ts';

const log = pino({ level: 'silent' });

/** @param settings are asked for each test, and of a prefix of their own */
export function redisContract(name: string, settings: () => RedisOptions): void {
  const make: MakeCluster = async (deliver, limits = {}) => {
    const some = { ...settings(), webhookQueue: limits };
    const node = redisAdapters(some, log);
    const other = redisAdapters(some, log);
    await Promise.all([start(node, deliver), start(other, () => {})]);
    const dispose = async () => {
      await Promise.all([stop(node), stop(other)]);
    };
    return { node, other, [Symbol.asyncDispose]: dispose };
  };
  brokerContract(name, make);
  trackerContract(name, make);
  eventCacheContract(name, make);
  rateLimiterContract(name, make);
  nodeRegistryContract(name, make);
  requestLogContract(name, make);
  webhookQueueContract(name, make);
  webhookClaimContract(name, make);
}

async function start(adapters: Adapters, deliver: Deliver): Promise<void> {
  const { broker, tracker, eventCache, rateLimiter, webhookQueue } = adapters;
  await broker.start(deliver);
  await Promise.all([tracker.start(() => {}), eventCache.start(), rateLimiter.start(), webhookQueue.start()]);
}

async function stop({ broker, tracker, eventCache, rateLimiter, webhookQueue }: Adapters): Promise<void> {
  await Promise.all([tracker.stop(), eventCache.stop(), rateLimiter.stop(), webhookQueue.stop()]);
  await broker.stop();
}
