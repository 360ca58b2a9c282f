// Entries for the node that delivers webhooks. Which apps have news is said in one set, apart from the queues, as in a
// Cluster each app is elsewhere; so what was queued and not said is found by looking at all apps now and then.
import type { Entry, Page } from '../../core/webhook-queue.ts';
import type { RedisClient } from './client.ts';
import { WEBHOOK_KEEP_SECONDS } from './scripts/webhook-stream.ts';
import { batches, START, type Wanted, type WebhookStream } from './webhook-stream.ts';

/** Apps that are asked for at once. */
const BATCH = 100;
/** More than any deployment has in the time between two readings. */
const NEWS = 1000;
/** A day more than anything waits in a queue that is not added to, so whose clock is used does not matter. */
const APPS_KEEP_MS = (WEBHOOK_KEEP_SECONDS + 86_400) * 1000;

export class WebhookReader {
  readonly #client: RedisClient;
  readonly #stream: WebhookStream;
  readonly #lookEveryMs: number;
  readonly #due = new Set<string>();
  /**
   * By app, the last entry this node was given. What is given later than that but did not arrive, as the answer was
   * lost or went to a node that did not know yet that it delivers no more, is given again.
   */
  readonly #last = new Map<string, string>();
  /** The same for all other apps; undefined until everything that was left is read. */
  #lastOfOthers: string | undefined;
  #lookAtMs = 0;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(client: RedisClient, stream: WebhookStream, lookEveryMs: number) {
    this.#client = client;
    this.#stream = stream;
    this.#lookEveryMs = lookEveryMs;
  }

  /** The node delivers from now on, and did not before. */
  restart(): void {
    this.#last.clear();
    this.#lastOfOthers = undefined;
    this.look();
  }

  /** All apps are looked at when it is read next. */
  look(): void {
    this.#lookAtMs = 0;
  }

  /** @returns what could be read, where some apps could and some could not */
  fresh(count: number): Promise<readonly Entry[]> {
    return this.#inTurn(() => this.#fresh(count));
  }

  left(count: number, after: ReadonlyMap<string, string> | undefined): Promise<readonly Entry[]> {
    return this.#inTurn(() => this.#left(count, after));
  }

  reread(appId: string, count: number, after = START): Promise<Page> {
    return this.#inTurn(() => this.#stream.read(appId, { count, after, fresh: false }));
  }

  async #fresh(count: number): Promise<readonly Entry[]> {
    await this.#findDue();
    const all: Entry[] = [];
    let failure: unknown;
    const read = async (appId: string) => {
      try {
        const after = this.#last.get(appId) ?? this.#lastOfOthers;
        const { entries, full } = await this.#stream.read(appId, { count, after, fresh: true });
        const last = entries.at(-1);
        if (last !== undefined) this.#last.set(appId, last.entryId);
        if (!full) this.#due.delete(appId);
        return entries;
      } catch (err) {
        failure = err;
        return [];
      }
    };
    for (const some of batches([...this.#due], BATCH)) all.push(...(await Promise.all(some.map(read))).flat());
    if (failure !== undefined && all.length === 0) throw failure;
    return all;
  }

  async #left(count: number, after: ReadonlyMap<string, string> | undefined): Promise<readonly Entry[]> {
    const all: (Page & { readonly appId: string })[] = [];
    const read = async (appId: string) => {
      const wanted: Wanted = { count, after: after?.get(appId) ?? START, fresh: false };
      return { appId, ...(await this.#stream.read(appId, wanted)) };
    };
    for (const some of batches(await this.#apps(), BATCH)) all.push(...(await Promise.all(some.map(read))));
    if (this.#lastOfOthers === undefined) this.#begin(all, after);
    return all.flatMap(({ entries }) => entries);
  }

  /** Once everything that was left was read. Whoever reads it again may have only some of it in mind. */
  #begin(all: readonly (Page & { readonly appId: string })[], after: ReadonlyMap<string, string> | undefined): void {
    for (const { appId, entries, full } of all) {
      if (!full) this.#last.set(appId, entries.at(-1)?.entryId ?? after?.get(appId) ?? START);
    }
    if (all.every(({ full }) => !full)) this.#lastOfOthers = START;
  }

  async #findDue(): Promise<void> {
    const { commands, keys } = this.#client;
    const news = await this.#client.answer(commands.spop(keys.webhookNews, NEWS));
    for (const appId of news) this.#due.add(appId);
    const nowMs = performance.now();
    if (nowMs < this.#lookAtMs) return;
    for (const appId of await this.#apps()) this.#due.add(appId);
    this.#lookAtMs = nowMs + this.#lookEveryMs;
  }

  /** All that may have a queue. */
  async #apps(): Promise<string[]> {
    const { commands, keys } = this.#client;
    const forget = commands.zremrangebyscore(keys.webhookApps, '-inf', String(Date.now() - APPS_KEEP_MS));
    const [, appIds] = await this.#client.answer(Promise.all([forget, commands.zrange(keys.webhookApps, '0', '-1')]));
    return appIds;
  }

  /** One after the other: each begins where the last one ended. */
  #inTurn<T>(read: () => Promise<T>): Promise<T> {
    const reading = this.#reading.then(read);
    this.#reading = reading.catch(() => {});
    return reading;
  }
}
