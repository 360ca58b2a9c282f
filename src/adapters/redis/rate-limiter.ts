// Rate limits counted in Redis, by its clock: one limit for the whole cluster.
import type { RateLimiter } from '../../core/ports.ts';
import type { RedisClient } from './client.ts';
import { take } from './scripts/take.lua.ts';

export class RedisRateLimiter implements RateLimiter {
  readonly #client: RedisClient;

  constructor(client: RedisClient) {
    this.#client = client;
  }

  async start(): Promise<void> {
    await this.#client.start(this);
  }

  async stop(): Promise<void> {
    this.#client.stop(this);
  }

  async take(key: string, amount: number, limit: number): Promise<number> {
    if (amount > limit) return Number.POSITIVE_INFINITY;
    return await this.#client.run<number>(take, [this.#client.keys.rate(key)], [amount, limit]);
  }
}
