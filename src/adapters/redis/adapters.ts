// The whole Redis set, for a node of a cluster.
import type { Logger } from 'pino';
import type { Adapters } from '../../core/ports.ts';
import { type BrokerOptions, RedisBroker } from './broker.ts';
import { Changes } from './changes.ts';
import { RedisClient } from './client.ts';
import { RedisEventCache } from './event-cache.ts';
import { Node } from './node.ts';
import { RedisRateLimiter } from './rate-limiter.ts';
import { Reaper, type ReaperOptions } from './reaper.ts';
import type { RedisOptions } from './settings.ts';
import { RedisTracker } from './tracker.ts';

const LINGER_MS = 2000;
const LEASE_MS = 10_000;
const REFRESH_MS = 3000;

/** @param options the `redis` section of the configuration; its times are the defaults unless given */
export function redisAdapters(options: RedisOptions & Partial<BrokerOptions & ReaperOptions>, log: Logger): Adapters {
  const { lingerMs = LINGER_MS, leaseMs = LEASE_MS, refreshMs = REFRESH_MS, ...redis } = options;
  const client = new RedisClient(redis, log);
  const changes = new Changes(client);
  const node = new Node(client, changes, log);
  const reaper = new Reaper(client, node, changes, { leaseMs, refreshMs }, log);
  return {
    broker: new RedisBroker(client, { lingerMs }, log),
    tracker: new RedisTracker(client, node, changes, reaper),
    eventCache: new RedisEventCache(client),
    rateLimiter: new RedisRateLimiter(client),
  };
}
