// Rate limits counted in Redis, by its clock: one limit for the whole cluster.
import type { RateLimiter } from '../../core/ports.ts';
import type { RedisClient } from './client.ts';
import { take } from './scripts/take.lua.ts';

export class RedisRateLimiter implements RateLimiter {
  readonly #client: RedisClient;
  #started = false;

  constructor(client: RedisClient) {
    this.#client = client;
  }

  async start(): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    await this.#client.start();
  }

  async stop(): Promise<void> {
    if (!this.#started) return;
    this.#started = false;
    this.#client.stop();
  }

  async take(key: string, amount: number, limit: number): Promise<number> {
    if (amount > limit) return Number.POSITIVE_INFINITY;
    return await this.#client.run<number>(take, [this.#client.keys.rate(key)], [amount, limit]);
  }
}
