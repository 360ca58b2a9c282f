// An app's dead letters, in a stream of their own: newest first for people, oldest first back into the queue.
import type { DeadLetter } from '../../core/webhook-queue.ts';
import { requestErrors } from '../../protocol/errors.ts';
import type { QueueLimits } from '../queue-limits.ts';
import type { RedisClient } from './client.ts';
import { webhookBury } from './scripts/webhook-bury.lua.ts';
import { webhookRevive } from './scripts/webhook-revive.lua.ts';
import { WEBHOOK_KEEP_SECONDS } from './scripts/webhook-stream.ts';
import { byStreamId, endOfEntry, isStreamId, readLetter, writeLetter } from './webhook-forms.ts';
import { BATCH, batches } from './webhook-stream.ts';

/** Letters that are looked at in one go. */
const STEP = 200;

/** Which letters: undefined is all. */
interface Asked {
  readonly letterIds: readonly string[] | undefined;
  readonly endpoints: readonly string[] | undefined;
}

type Run = (...rest: (string | number)[]) => Promise<[revived: number, after: string]>;

export class WebhookLetters {
  readonly #client: RedisClient;

  constructor(client: RedisClient) {
    this.#client = client;
  }

  /** @param limits of the newest that are kept */
  async bury(appId: string, letters: readonly Omit<DeadLetter, 'letterId'>[], limits: QueueLimits): Promise<void> {
    const { keys } = this.#client;
    const both = [keys.webhookLetters(appId), keys.webhookBytes(appId)];
    for (const some of batches(letters, BATCH)) {
      const args = [limits.deadLetters, limits.deadLetterBytes, ...some.flatMap(writeLetter)];
      await this.#client.run(webhookBury, both, args);
    }
  }

  /** Newest first, as the queue says. Whoever looks at them has them kept for as long again. */
  async list(appId: string, count: number, before: string | undefined): Promise<readonly DeadLetter[]> {
    if (before !== undefined && !isStreamId(before)) {
      throw requestErrors.invalid('before', 'expected the next of the page before');
    }
    if (count <= 0) return [];
    const { commands, keys } = this.#client;
    const key = keys.webhookLetters(appId);
    const last = before === undefined ? '+' : `(${before}`;
    const listed = commands.xrevrange(key, last, '-', 'COUNT', count);
    const kept = [key, keys.webhookBytes(appId)].map((one) => commands.expire(one, WEBHOOK_KEEP_SECONDS));
    const [found] = await this.#client.answer(Promise.all([listed, ...kept]));
    return found.flatMap(([letterId, [, entry = '', , rest = '']]) => readLetter(letterId, entry, rest) ?? []);
  }

  /** @param limits of what the queue holds: letters stay where they are when there is no room */
  async revive(appId: string, { letterIds, endpoints }: Asked, limits: QueueLimits): Promise<number> {
    const { webhookLetters, webhookQueue, webhookBytes } = this.#client.keys;
    const keys = [webhookLetters(appId), webhookQueue(appId), webhookBytes(appId)];
    const which = endpoints === undefined ? [-1] : [endpoints.length, ...endpoints.map(endOfEntry)];
    const first = [limits.queuedEvents, limits.queuedBytes, ...which];
    const run: Run = (...rest) => this.#client.run(webhookRevive, keys, [...first, ...rest]);
    return letterIds === undefined ? await this.#all(appId, run) : await these(letterIds, run);
  }

  size(appId: string): Promise<number> {
    const { commands, keys } = this.#client;
    return this.#client.answer(commands.xlen(keys.webhookLetters(appId)));
  }

  /** Up to the newest: one that is revived and dies again meanwhile is not revived twice. */
  async #all(appId: string, run: Run): Promise<number> {
    const { commands, keys } = this.#client;
    const newest = commands.xrevrange(keys.webhookLetters(appId), '+', '-', 'COUNT', 1);
    const [[last] = []] = await this.#client.answer(newest);
    if (last === undefined) return 0;
    let all = 0;
    for (let from = '-'; ; ) {
      const [revived, after] = await run('all', from, last, STEP);
      all += revived;
      if (after === '') return all;
      from = `(${after}`;
    }
  }
}

async function these(letterIds: readonly string[], run: Run): Promise<number> {
  const wanted = [...new Set(letterIds)].filter(isStreamId).sort(byStreamId);
  let all = 0;
  for (const some of batches(wanted, STEP)) {
    const [revived] = await run('these', ...some);
    all += revived;
  }
  return all;
}
