// Requests with an idempotency key, for all nodes: Redis forgets them by itself.
import { randomUUID } from 'node:crypto';
import { type Attempt, type Claimed, DONE_SECONDS, PENDING_SECONDS, type RequestLog } from '../../core/ports.ts';
import type { RedisClient } from './client.ts';
import { beginRequest, finishRequest, forgetRequest } from './scripts/request.lua.ts';

export class RedisRequestLog implements RequestLog {
  readonly #client: RedisClient;

  constructor(client: RedisClient) {
    this.#client = client;
  }

  async begin(appId: string, key: string, digest: string): Promise<Attempt> {
    const claim = randomUUID();
    type Answer = [state: Attempt['state'], answer: string];
    const [state, answer] = await this.#client.run<Answer>(
      beginRequest,
      [this.#client.keys.request(appId, key)],
      [digest, PENDING_SECONDS, claim],
    );
    if (state === 'new') return { state, claim };
    return state === 'done' ? { state, answer } : { state };
  }

  async finish(appId: string, key: string, { claim, digest }: Claimed, answer: string): Promise<void> {
    const { keys } = this.#client;
    await this.#client.run(finishRequest, [keys.request(appId, key)], [digest, answer, DONE_SECONDS, claim]);
  }

  async forget(appId: string, key: string, claim: string): Promise<void> {
    await this.#client.run(forgetRequest, [this.#client.keys.request(appId, key)], [claim]);
  }
}
