// The whole Redis set, for a node of a cluster.
import type { Logger } from 'pino';
import type { Adapters } from '../../core/ports.ts';
import { type BrokerOptions, RedisBroker } from './broker.ts';
import { Changes } from './changes.ts';
import { RedisClient } from './client.ts';
import { RedisEventCache } from './event-cache.ts';
import { Lease, type LeaseOptions } from './lease.ts';
import { type LinkOptions, RedisLink } from './link.ts';
import { Node } from './node.ts';
import { RedisNodeRegistry } from './node-registry.ts';
import { RedisRateLimiter } from './rate-limiter.ts';
import { Reaper, type ReaperOptions } from './reaper.ts';
import { RedisRequestLog } from './request-log.ts';
import { KEEP_SECONDS } from './scripts/keep.lua.ts';
import type { RedisOptions } from './settings.ts';
import { RedisTracker } from './tracker.ts';
import { type RedisQueueOptions, RedisWebhookQueue } from './webhook-queue.ts';

const LINGER_MS = 2000;
const LEASE_SECONDS = 10;
/** Of a lease: a node is heard of three times in it, and one that is dead is noticed within one and a half. */
const REFRESH_SHARE = 0.3;
/** As dead connections to Redis are found out by it. */
const LONGEST_REFRESH_MS = 3000;
const KEEP_EVERY_MS = (KEEP_SECONDS * 1000) / 4;

/** The `redis` section of the configuration. */
interface Options extends RedisOptions, Partial<LinkOptions> {
  readonly leaseSeconds?: number;
  readonly webhookQueue?: Partial<RedisQueueOptions>;
}

type Times = BrokerOptions & LeaseOptions & ReaperOptions;

/** @param options its times and limits are the defaults unless given */
export function redisAdapters(options: Options & Partial<Times>, log: Logger): Adapters {
  const { leaseSeconds = LEASE_SECONDS, closeWhenLost = true, leaseMs = leaseSeconds * 1000, ...others } = options;
  const refreshes = Math.min(leaseMs * REFRESH_SHARE, LONGEST_REFRESH_MS);
  const {
    lingerMs = LINGER_MS,
    refreshMs = refreshes,
    keepEveryMs = KEEP_EVERY_MS,
    webhookQueue = {},
    ...redis
  } = others;
  const client = new RedisClient(redis, log);
  const changes = new Changes(client);
  const lease = new Lease(client, { leaseMs });
  const node = new Node(client, changes, lease, log);
  const reaper = new Reaper(client, node, lease, changes, { refreshMs, keepEveryMs }, log);
  const broker = new RedisBroker(client, { lingerMs }, log);
  return {
    broker,
    tracker: new RedisTracker(client, node, changes, reaper),
    eventCache: new RedisEventCache(client),
    rateLimiter: new RedisRateLimiter(client),
    nodeRegistry: new RedisNodeRegistry(client),
    requestLog: new RedisRequestLog(client),
    webhookQueue: new RedisWebhookQueue(client, webhookQueue, log),
    link: new RedisLink(client, broker, reaper, { closeWhenLost }),
  };
}
