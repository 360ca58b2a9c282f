// Webhook events that wait in Redis, for whichever node of the cluster delivers.
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { DeadLetter, Delivery, Entry, Page, QueuedEvent, WebhookQueue } from '../../core/webhook-queue.ts';
import { type QueueLimits, queueLimits } from '../queue-limits.ts';
import type { RedisClient } from './client.ts';
import { Intake } from './intake.ts';
import { webhookClaim } from './scripts/webhook-claim.lua.ts';
import { webhookNews } from './scripts/webhook-news.lua.ts';
import { webhookRelease } from './scripts/webhook-release.lua.ts';
import { WEBHOOK_KEEP_SECONDS } from './scripts/webhook-stream.ts';
import { readDelivery, writeEntry } from './webhook-forms.ts';
import { WebhookLetters } from './webhook-letters.ts';
import { WebhookReader } from './webhook-reader.ts';
import { WebhookStream } from './webhook-stream.ts';

/** Seldom, as it costs a command for each app, and finds something only where a node was killed or cut off. */
const LOOK_EVERY_MS = 10_000;
/** An app that is listed is not listed again for so long, unless Redis may have lost it. */
const LISTED_FOR_MS = 60_000;

export interface RedisQueueOptions extends QueueLimits {
  /** How often the node that delivers looks at the queues of all apps, besides those it is told of. */
  readonly lookEveryMs: number;
}

export class RedisWebhookQueue implements WebhookQueue {
  readonly #client: RedisClient;
  readonly #options: RedisQueueOptions;
  readonly #id = randomUUID();
  readonly #intake = new Intake((appId, texts) => this.#send(appId, texts));
  readonly #stream: WebhookStream;
  readonly #reader: WebhookReader;
  readonly #letters: WebhookLetters;
  /** App → when it was listed, so that whoever looks at all apps looks there. */
  readonly #listed = new Map<string, number>();
  #claimed = false;

  constructor(client: RedisClient, options: Partial<RedisQueueOptions>, log: Logger) {
    this.#client = client;
    this.#options = { ...queueLimits, lookEveryMs: LOOK_EVERY_MS, ...options };
    this.#stream = new WebhookStream(client, log);
    this.#reader = new WebhookReader(client, this.#stream, this.#options.lookEveryMs);
    this.#letters = new WebhookLetters(client);
    // It may be another Redis by now.
    client.onRestored(() => {
      this.#listed.clear();
      this.#reader.look();
    });
  }

  async start(): Promise<void> {
    await this.#client.start(this);
  }

  async stop(): Promise<void> {
    this.#client.stop(this);
  }

  /** An add whose answer was lost rejects, and may be kept nevertheless: the events' ids are for that. */
  async add(appId: string, events: readonly QueuedEvent[]): Promise<number> {
    return events.length === 0 ? 0 : await this.#intake.add(appId, events.map(writeEntry));
  }

  /** Also false once to a node whose own lease has lapsed. */
  async claim(leaseMs: number): Promise<boolean> {
    const key = this.#client.keys.webhookClaim;
    const held = this.#claimed ? 'held' : '';
    const claimed = (await this.#client.run(webhookClaim, [key], [this.#id, Math.ceil(leaseMs), held])) === 1;
    if (claimed && !this.#claimed) this.#reader.restart();
    this.#claimed = claimed;
    return claimed;
  }

  async release(): Promise<void> {
    this.#claimed = false;
    await this.#client.run(webhookRelease, [this.#client.keys.webhookClaim], [this.#id]);
  }

  read(which: 'fresh' | 'left', count: number, after?: ReadonlyMap<string, string>): Promise<readonly Entry[]> {
    return which === 'fresh' ? this.#reader.fresh(count) : this.#reader.left(count, after);
  }

  reread(appId: string, count: number, after: string | undefined): Promise<Page> {
    return this.#reader.reread(appId, count, after);
  }

  remove(appId: string, entryIds: readonly string[]): Promise<void> {
    return this.#stream.remove(appId, entryIds);
  }

  bury(appId: string, letters: readonly Omit<DeadLetter, 'letterId'>[]): Promise<void> {
    return this.#letters.bury(appId, letters, this.#options);
  }

  deadLetters(appId: string, count: number, before?: string): Promise<readonly DeadLetter[]> {
    return this.#letters.list(appId, count, before);
  }

  async revive(
    appId: string,
    letterIds: readonly string[] | undefined,
    endpoints?: readonly string[],
  ): Promise<number> {
    await this.#list(appId);
    const revived = await this.#letters.revive(appId, { letterIds, endpoints }, this.#options);
    this.#tell(appId);
    return revived;
  }

  async forget(appId: string): Promise<number> {
    const { commands, keys } = this.#client;
    const queue = keys.webhookQueue(appId);
    const others = [keys.webhookLetters(appId), keys.webhookBytes(appId), keys.webhookDeliveries(appId)];
    const [waiting] = await this.#client.answer(Promise.all([commands.xlen(queue), commands.unlink(queue, ...others)]));
    return waiting;
  }

  async record(appId: string, deliveries: readonly Delivery[]): Promise<void> {
    if (deliveries.length === 0) return;
    const { commands, keys } = this.#client;
    const key = keys.webhookDeliveries(appId);
    const push = commands.lpush(key, ...deliveries.map((delivery) => JSON.stringify(delivery)));
    const trim = commands.ltrim(key, 0, this.#options.deliveries - 1);
    await this.#client.answer(Promise.all([push, trim, commands.expire(key, WEBHOOK_KEEP_SECONDS)]));
  }

  async deliveries(appId: string): Promise<readonly Delivery[]> {
    const { commands, keys } = this.#client;
    const texts = await this.#client.answer(commands.lrange(keys.webhookDeliveries(appId), 0, -1));
    return texts.flatMap((text) => readDelivery(text) ?? []);
  }

  async sizes(appId: string): Promise<{ waiting: number; dead: number }> {
    const [waiting, dead] = await Promise.all([this.#stream.size(appId), this.#letters.size(appId)]);
    return { waiting, dead };
  }

  async #send(appId: string, texts: readonly string[]): Promise<number> {
    await this.#list(appId);
    const dropped = await this.#stream.add(appId, texts, this.#options);
    this.#tell(appId);
    return dropped;
  }

  /** Before the first event is queued: a node that is killed right after has it found nevertheless. */
  async #list(appId: string): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - (this.#listed.get(appId) ?? Number.NEGATIVE_INFINITY) < LISTED_FOR_MS) return;
    await this.#announce(appId);
    this.#listed.set(appId, nowMs);
  }

  /** After: those who read must find it. Not waited for, as it is kept already, and found without this in a while. */
  #tell(appId: string): void {
    this.#announce(appId).catch(() => {});
  }

  #announce(appId: string): Promise<unknown> {
    const { webhookApps, webhookNews: news } = this.#client.keys;
    return this.#client.run(webhookNews, [webhookApps, news], [appId, Date.now()]);
  }
}
