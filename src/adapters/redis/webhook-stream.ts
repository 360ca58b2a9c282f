// One app's queue of webhook events as a Redis stream, of which a consumer group remembers what was given.
import type { Logger } from 'pino';
import type { Entry, Page } from '../../core/webhook-queue.ts';
import type { QueueLimits } from '../queue-limits.ts';
import type { RedisClient } from './client.ts';
import { webhookAdd } from './scripts/webhook-add.lua.ts';
import { webhookRead } from './scripts/webhook-read.lua.ts';
import { webhookRemove } from './scripts/webhook-remove.lua.ts';
import { isStreamId, readEntry } from './webhook-forms.ts';

/** What is written or removed in one go, so that Redis serves others in between. */
export const BATCH = 500;

/** Before every entry. */
export const START = '0-0';

/** What of a queue is wanted: those given after this one, where there is one, and maybe those that nobody was given. */
export interface Wanted {
  readonly count: number;
  readonly after: string | undefined;
  readonly fresh: boolean;
}

export class WebhookStream {
  readonly #client: RedisClient;
  readonly #log: Logger;

  constructor(client: RedisClient, log: Logger) {
    this.#client = client;
    this.#log = log;
  }

  /** @returns how many of the oldest were dropped, so that no more and no larger ones wait */
  async add(appId: string, texts: readonly string[], limits: QueueLimits): Promise<number> {
    const { queuedEvents, queuedBytes } = limits;
    let dropped = 0;
    for (const some of batches(texts, BATCH)) {
      dropped += await this.#client.run<number>(webhookAdd, this.#keys(appId), [queuedEvents, queuedBytes, ...some]);
    }
    return dropped;
  }

  /** None only where there are none. What is no entry is removed: nobody could ever deliver it. */
  async read(appId: string, wanted: Wanted): Promise<Page> {
    const { count, after = '', fresh } = wanted;
    const key = this.#client.keys.webhookQueue(appId);
    for (;;) {
      const flat = await this.#client.run<string[]>(webhookRead, [key], [count, after, fresh ? 'fresh' : '']);
      const entries: Entry[] = [];
      const malformed: string[] = [];
      for (let at = 0; at < flat.length; at += 2) {
        const [entryId = '', text = ''] = flat.slice(at, at + 2);
        const event = readEntry(text);
        if (event === undefined) malformed.push(entryId);
        else entries.push({ ...event, appId, entryId });
      }
      if (malformed.length > 0) {
        this.#log.error({ appId, entries: malformed.length }, 'what is no webhook event was removed from the queue');
        await this.remove(appId, malformed);
      }
      const full = flat.length / 2 >= count;
      if (entries.length > 0 || !full) return { entries, full };
    }
  }

  async remove(appId: string, entryIds: readonly string[]): Promise<void> {
    for (const some of batches(entryIds.filter(isStreamId), BATCH)) {
      await this.#client.run(webhookRemove, this.#keys(appId), [...some]);
    }
  }

  size(appId: string): Promise<number> {
    const { commands, keys } = this.#client;
    return this.#client.answer(commands.xlen(keys.webhookQueue(appId)));
  }

  #keys(appId: string): string[] {
    const { webhookQueue, webhookBytes } = this.#client.keys;
    return [webhookQueue(appId), webhookBytes(appId)];
  }
}

export function* batches<T>(all: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < all.length; from += size) yield all.slice(from, from + size);
}
