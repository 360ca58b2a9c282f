// An app's dead letters, in a stream of their own: newest first for people, oldest first back into the queue.
import type { DeadLetter } from '../../core/webhook-queue.ts';
import { requestErrors } from '../../protocol/errors.ts';
import type { RedisClient } from './client.ts';
import { webhookBury } from './scripts/webhook-bury.lua.ts';
import { webhookRevive } from './scripts/webhook-revive.lua.ts';
import { WEBHOOK_KEEP_SECONDS } from './scripts/webhook-stream.ts';
import { byStreamId, isStreamId, readLetter, writeLetter } from './webhook-forms.ts';
import { BATCH, batches } from './webhook-stream.ts';

/** Letters that are revived in one go. */
const STEP = 200;

export class WebhookLetters {
  readonly #client: RedisClient;

  constructor(client: RedisClient) {
    this.#client = client;
  }

  /** @param limit the newest that are kept */
  async bury(appId: string, letters: readonly Omit<DeadLetter, 'letterId'>[], limit: number): Promise<void> {
    const key = this.#client.keys.webhookLetters(appId);
    for (const some of batches(letters, BATCH)) {
      await this.#client.run(webhookBury, [key], [limit, ...some.flatMap(writeLetter)]);
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
    const [found] = await this.#client.answer(Promise.all([listed, commands.expire(key, WEBHOOK_KEEP_SECONDS)]));
    return found.flatMap(([letterId, [, entry = '', , rest = '']]) => readLetter(letterId, entry, rest) ?? []);
  }

  /**
   * @param letterIds undefined: all that are there now
   * @param limit entries the queue holds: letters stay where they are when there is no room
   */
  async revive(appId: string, letterIds: readonly string[] | undefined, limit: number): Promise<number> {
    const { keys } = this.#client;
    const both = [keys.webhookLetters(appId), keys.webhookQueue(appId)];
    const run = (...which: string[]) => this.#client.run<number>(webhookRevive, both, [limit, STEP, ...which]);
    return letterIds === undefined ? await this.#all(appId, run) : await these(letterIds, run);
  }

  size(appId: string): Promise<number> {
    const { commands, keys } = this.#client;
    return this.#client.answer(commands.xlen(keys.webhookLetters(appId)));
  }

  /** Up to the newest: one that is revived and dies again meanwhile is not revived twice. */
  async #all(appId: string, run: (...which: string[]) => Promise<number>): Promise<number> {
    const { commands, keys } = this.#client;
    const newest = commands.xrevrange(keys.webhookLetters(appId), '+', '-', 'COUNT', 1);
    const [[last] = []] = await this.#client.answer(newest);
    if (last === undefined) return 0;
    let revived = 0;
    for (;;) {
      const some = await run('all', last);
      revived += some;
      if (some < STEP) return revived;
    }
  }
}

async function these(letterIds: readonly string[], run: (...which: string[]) => Promise<number>): Promise<number> {
  const wanted = [...new Set(letterIds)].filter(isStreamId).sort(byStreamId);
  let revived = 0;
  for (const some of batches(wanted, STEP)) revived += await run('these', ...some);
  return revived;
}
