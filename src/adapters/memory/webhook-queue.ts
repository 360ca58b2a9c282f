// Webhook events that wait in this process, and end with it. The one node there is delivers.
import type { DeadLetter, Delivery, Entry, Page, QueuedEvent, WebhookQueue } from '../../core/webhook-queue.ts';
import { requestErrors } from '../../protocol/errors.ts';
import { type QueueLimits, queueLimits } from '../queue-limits.ts';
import { Backlog } from './backlog.ts';

interface AppState {
  readonly backlog: Backlog;
  /** Oldest first. */
  letters: DeadLetter[];
  deliveries: Delivery[];
}

export class MemoryWebhookQueue implements WebhookQueue {
  readonly #limits: QueueLimits;
  readonly #apps = new Map<string, AppState>();
  #lastLetter = 0;

  constructor(limits: Partial<QueueLimits> = {}) {
    this.#limits = { ...queueLimits, ...limits };
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    this.#apps.clear();
  }

  async add(appId: string, events: readonly QueuedEvent[]): Promise<number> {
    const { backlog } = this.#app(appId);
    for (const event of events) backlog.add(event);
    const dropped = Math.max(backlog.size - this.#limits.queuedEvents, 0);
    for (let at = 0; at < dropped; at += 1) backlog.removeOldest();
    return dropped;
  }

  async claim(): Promise<boolean> {
    return true;
  }

  async release(): Promise<void> {}

  async read(which: 'fresh' | 'left', count: number, after?: ReadonlyMap<string, string>): Promise<readonly Entry[]> {
    return [...this.#apps].flatMap(([appId, { backlog }]) =>
      which === 'fresh' ? backlog.give(count) : backlog.left(count, after?.get(appId)),
    );
  }

  async reread(appId: string, count: number, after: string | undefined): Promise<Page> {
    const entries = this.#app(appId).backlog.left(count, after);
    return { entries, full: entries.length >= count };
  }

  async remove(appId: string, entryIds: readonly string[]): Promise<void> {
    const { backlog } = this.#app(appId);
    for (const entryId of entryIds) backlog.remove(entryId);
  }

  async bury(appId: string, letters: readonly Omit<DeadLetter, 'letterId'>[]): Promise<void> {
    const app = this.#app(appId);
    const buried = letters.map((letter) => {
      this.#lastLetter += 1;
      return { ...letter, letterId: String(this.#lastLetter) };
    });
    app.letters = newest([...app.letters, ...buried], this.#limits.deadLetters);
  }

  async deadLetters(appId: string, count: number, before?: string): Promise<readonly DeadLetter[]> {
    if (before !== undefined && !/^\d+$/.test(before)) {
      throw requestErrors.invalid('before', 'expected the next of the page before');
    }
    const { letters } = this.#app(appId);
    const older = before === undefined ? letters : letters.filter(({ letterId }) => Number(letterId) < Number(before));
    return newest(older, count).toReversed();
  }

  async revive(appId: string, letterIds: readonly string[] | undefined): Promise<number> {
    const app = this.#app(appId);
    const room = Math.max(this.#limits.queuedEvents - app.backlog.size, 0);
    const wanted = letterIds && new Set(letterIds);
    const revived = new Set(app.letters.filter(({ letterId }) => wanted?.has(letterId) ?? true).slice(0, room));
    for (const { id, event, atMs, endpoint } of revived) app.backlog.add({ id, event, atMs, endpoint });
    app.letters = app.letters.filter((letter) => !revived.has(letter));
    return revived.size;
  }

  async record(appId: string, deliveries: readonly Delivery[]): Promise<void> {
    const app = this.#app(appId);
    app.deliveries = newest([...app.deliveries, ...deliveries], this.#limits.deliveries);
  }

  async deliveries(appId: string): Promise<readonly Delivery[]> {
    return this.#app(appId).deliveries.toReversed();
  }

  async sizes(appId: string): Promise<{ waiting: number; dead: number }> {
    const { backlog, letters } = this.#app(appId);
    return { waiting: backlog.size, dead: letters.length };
  }

  #app(appId: string): AppState {
    let app = this.#apps.get(appId);
    if (app === undefined) {
      app = { backlog: new Backlog(appId), letters: [], deliveries: [] };
      this.#apps.set(appId, app);
    }
    return app;
  }
}

function newest<T>(oldestFirst: readonly T[], count: number): T[] {
  return oldestFirst.slice(Math.max(oldestFirst.length - count, 0));
}
