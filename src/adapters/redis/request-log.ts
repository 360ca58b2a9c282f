// Requests with an idempotency key, for all nodes: Redis forgets them by itself.
import { type Attempt, DONE_SECONDS, PENDING_SECONDS, type RequestLog } from '../../core/ports.ts';
import type { RedisClient } from './client.ts';
import { beginRequest, finishRequest } from './scripts/request.lua.ts';

export class RedisRequestLog implements RequestLog {
  readonly #client: RedisClient;

  constructor(client: RedisClient) {
    this.#client = client;
  }

  async begin(appId: string, key: string, digest: string): Promise<Attempt> {
    type Answer = [state: Attempt['state'], answer: string];
    const [state, answer] = await this.#client.run<Answer>(
      beginRequest,
      [this.#client.keys.request(appId, key)],
      [digest, PENDING_SECONDS],
    );
    return state === 'done' ? { state, answer } : { state };
  }

  async finish(appId: string, key: string, digest: string, answer: string): Promise<void> {
    const { keys } = this.#client;
    await this.#client.run(finishRequest, [keys.request(appId, key)], [digest, answer, DONE_SECONDS]);
  }

  async forget(appId: string, key: string): Promise<void> {
    const { commands, keys } = this.#client;
    await this.#client.answer(commands.del(keys.request(appId, key)));
  }
}
