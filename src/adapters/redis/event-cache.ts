// The last event of each cache channel, in Redis, which forgets it by itself.
import { z } from 'zod';
import type { CachedEvent, EventCache } from '../../core/ports.ts';
import { readJson } from '../../protocol/json.ts';
import type { RedisClient } from './client.ts';
import { getWithTtl } from './scripts/get-with-ttl.lua.ts';

const cachedEvent = z.object({ name: z.string(), data: z.string() });

export class RedisEventCache implements EventCache {
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

  async set(appId: string, channel: string, { name, data }: CachedEvent, ttlSeconds: number): Promise<void> {
    const { commands, keys } = this.#client;
    const text = JSON.stringify({ name, data });
    await this.#client.answer(commands.set(keys.cachedEvent(appId, channel), text, 'EX', ttlSeconds));
  }

  async get(appId: string, channel: string): Promise<(CachedEvent & { ttlSeconds: number }) | undefined> {
    const key = this.#client.keys.cachedEvent(appId, channel);
    const [text, leftMs] = await this.#client.run<[string | null, number]>(getWithTtl, [key], []);
    const event = text === null ? undefined : cachedEvent.safeParse(readJson(text)).data;
    return event && { ...event, ttlSeconds: Math.ceil(leftMs / 1000) };
  }
}
