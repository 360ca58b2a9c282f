// One node of a cluster over Redis, with quick leases, and what a test wants to know of it.
import { Redis } from 'ioredis';
import { redisAdapters } from '../../../src/adapters/redis/adapters.ts';
import type { Adapters, Departure, Return } from '../../../src/core/ports.ts';
import { Log, type RedisSettings, type TestRedis } from '../../support/redis.ts';
import { Deliveries } from '../contract/cluster.ts';

/** A lease must outlast the pauses of a busy machine, or nodes of one test take each other for dead. */
export const quick = { leaseMs: 1500, refreshMs: 100, lingerMs: 20 } as const;

export interface TestNode extends Adapters, AsyncDisposable {
  readonly deliveries: Deliveries;
  readonly log: Log;
  /** What it was told of subscriptions that were ended in the name of a node that was gone, or was thought to be. */
  readonly departures: Departure[];
  readonly returns: Return[];
  stop(): Promise<void>;
}

/** Started; `settings` may be those of a gate. */
export async function startNode(settings: RedisSettings, times: object = quick): Promise<TestNode> {
  const log = new Log();
  const deliveries = new Deliveries();
  const adapters = redisAdapters({ ...settings, ...times }, log.logger);
  const { broker, tracker, eventCache, rateLimiter, webhookQueue } = adapters;
  const departures: Departure[] = [];
  const returns: Return[] = [];
  await broker.start(deliveries.deliver);
  const tracking = tracker.start(
    (departure) => departures.push(departure),
    (returned) => returns.push(returned),
  );
  await Promise.all([tracking, eventCache.start(), rateLimiter.start(), webhookQueue.start()]);
  const stop = async () => {
    await Promise.all([tracker.stop(), eventCache.stop(), rateLimiter.stop(), webhookQueue.stop()]);
    await broker.stop();
  };
  return { ...adapters, deliveries, log, departures, returns, stop, [Symbol.asyncDispose]: stop };
}

/** A plain connection, to look at Redis from outside. */
export function admin(redis: TestRedis, options: { password?: string; db?: number } = {}): Redis & Disposable {
  const connection = new Redis({ port: redis.port, host: '127.0.0.1', ...options });
  return Object.assign(connection, { [Symbol.dispose]: () => connection.disconnect() });
}

export async function keysOf(redis: TestRedis, { prefix }: RedisSettings): Promise<string[]> {
  using connection = admin(redis);
  return (await connection.keys(`${prefix}*`)).map((key) => key.slice(prefix.length)).sort();
}
