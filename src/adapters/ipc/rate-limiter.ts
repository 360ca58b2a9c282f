// The rate limiter of a worker: the primary's, asked over the channel.
import type { RateLimiter } from '../../core/ports.ts';
import type { Caller } from './caller.ts';

export class IpcRateLimiter implements RateLimiter {
  readonly #primary: Caller;

  constructor(primary: Caller) {
    this.#primary = primary;
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  take(key: string, amount: number, limit: number): Promise<number> {
    return this.#primary.call('take', key, amount, limit);
  }
}
