// Hears core's facts and puts those that an application wants into the queue, in the order of each app, without core
// ever waiting for it.
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { AppStore } from '../core/app-store.ts';
import { followedTypes, follows, type Webhook } from '../core/app-webhooks.ts';
import type { Fact } from '../core/facts.ts';
import { bytesOf, type QueuedEvent, type WebhookQueue } from '../core/webhook-queue.ts';
import type { WebhookType } from '../protocol/webhook.ts';
import { eventOf } from './event-of.ts';
import { lookUp } from './look-up.ts';
import type { WebhookOptions } from './options.ts';
import type { Counts } from './report.ts';

export interface IntakeDeps {
  readonly options: Pick<WebhookOptions, 'keptBytesPerApp' | 'againMs'>;
  readonly queue: Pick<WebhookQueue, 'add'>;
  readonly apps: Pick<AppStore, 'findById' | 'refused'>;
  readonly counts: Counts;
  readonly log: Logger;
  /** An app wants webhooks. */
  readonly onWanted: () => void;
}

/** What an app wants to hear, for so long. */
interface Interest {
  readonly types: ReadonlySet<WebhookType>;
  readonly untilMs: number;
}

/** One app's events on their way into the queue. */
interface Line {
  waiting: QueuedEvent[];
  /** About what those take in memory. */
  bytes: number;
  adding: boolean;
  /** The queue refuses: said once. */
  failing: boolean;
  /** Some were dropped: said once. */
  overflowing: boolean;
}

/** An app that gets its first endpoint is heard of so much later. */
const INTEREST_MS = 1000;
const ADDED_AT_ONCE = 500;

export class Intake {
  readonly #deps: IntakeDeps;
  readonly #interests = new Map<string, Interest>();
  readonly #lines = new Map<string, Line>();
  #stopped = false;
  #onEmpty: (() => void) | undefined;

  constructor(deps: IntakeDeps) {
    this.#deps = deps;
  }

  /** For core's facts. What no app wants costs a look into a map. */
  readonly hear = (fact: Fact): void => {
    const { appId } = fact;
    const interest = this.#interests.get(appId);
    if (interest !== undefined && !interest.types.has(fact.type) && performance.now() < interest.untilMs) return;
    let line = this.#lines.get(appId);
    if (line === undefined) {
      line = { waiting: [], bytes: 0, adding: false, failing: false, overflowing: false };
      this.#lines.set(appId, line);
    }
    const queued = { id: randomUUID(), event: eventOf(fact), atMs: Date.now() };
    line.waiting.push(queued);
    line.bytes += bytesOf(queued);
    this.#bound(appId, line);
    if (!line.adding) void this.#addAll(appId, line);
  };

  /** Resolves when all is in the queue; what cannot be is not waited for longer than until `stop`. */
  async flush(): Promise<void> {
    if (this.#isAdding()) {
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
    }
  }

  /** @returns how many events did not get into the queue, and are lost */
  stop(): number {
    this.#stopped = true;
    return [...this.#lines.values()].reduce((sum, { waiting }) => sum + waiting.length, 0);
  }

  async #addAll(appId: string, line: Line): Promise<void> {
    line.adding = true;
    // What happens in one turn of the event loop goes together.
    await new Promise((resolve) => setImmediate(resolve));
    while (line.waiting.length > 0 && !this.#stopped) {
      const some = line.waiting.splice(0, ADDED_AT_ONCE);
      const bytes = some.reduce((sum, queued) => sum + bytesOf(queued), 0);
      line.bytes -= bytes;
      try {
        await this.#add(appId, line, some);
      } catch (err) {
        line.waiting = [...some, ...line.waiting];
        line.bytes += bytes;
        this.#bound(appId, line);
        if (!line.failing) this.#deps.log.warn({ err, appId }, 'webhook events cannot be queued, and wait in memory');
        line.failing = true;
        await new Promise((resolve) => setTimeout(resolve, this.#deps.options.againMs).unref());
      }
    }
    line.adding = false;
    if (!this.#isAdding()) this.#onEmpty?.();
  }

  #isAdding(): boolean {
    return [...this.#lines.values()].some(({ adding }) => adding);
  }

  async #add(appId: string, line: Line, some: readonly QueuedEvent[]): Promise<void> {
    const { queue, apps, counts, log, onWanted } = this.#deps;
    const webhooks = (await lookUp(apps, appId))?.webhooks ?? [];
    this.#interests.set(appId, {
      types: new Set(webhooks.flatMap(followedTypes)),
      untilMs: performance.now() + INTEREST_MS,
    });
    if (webhooks.length > 0) onWanted();
    const wanted = some.flatMap((queued) => ofThose(queued, webhooks));
    if (wanted.length > 0) {
      const dropped = await queue.add(appId, wanted);
      counts.queued += wanted.length;
      counts.dropped += dropped;
      if (dropped > 0 && !line.overflowing) log.warn({ appId }, 'the webhook queue is full: the oldest are dropped');
      line.overflowing = dropped > 0;
    }
    if (line.failing) log.info({ appId }, 'webhook events are queued again');
    line.failing = false;
  }

  /** The oldest are dropped. */
  #bound(appId: string, line: Line): void {
    const { options, counts, log } = this.#deps;
    let over = 0;
    for (; line.bytes > options.keptBytesPerApp; over += 1) {
      const oldest = line.waiting[over];
      if (oldest === undefined) break;
      line.bytes -= bytesOf(oldest);
    }
    if (over === 0) return;
    line.waiting.splice(0, over);
    counts.dropped += over;
    if (!line.overflowing) log.warn({ appId }, 'too many webhook events wait in memory: the oldest are dropped');
    line.overflowing = true;
  }
}

/** With those who want it; none where nobody does. */
function ofThose(queued: QueuedEvent, webhooks: readonly Webhook[]): QueuedEvent[] {
  const wantedBy = webhooks.filter((webhook) => follows(webhook, queued.event)).map(({ url }) => url);
  return wantedBy.length === 0 ? [] : [{ ...queued, wantedBy }];
}
