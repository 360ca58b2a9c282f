// Webhook events that wait in this process, and end with it. The one node there is delivers.
import {
  bytesOf,
  type DeadLetter,
  type Delivery,
  type Entry,
  type Page,
  type QueuedEvent,
  type WebhookQueue,
} from '../../core/webhook-queue.ts';
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
    const { queuedEvents, queuedBytes } = this.#limits;
    let dropped = 0;
    for (; backlog.size > queuedEvents || backlog.bytes > queuedBytes; dropped += 1) backlog.removeOldest();
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
    const { deadLetters, deadLetterBytes } = this.#limits;
    app.letters = ofBytes(newest([...app.letters, ...buried], deadLetters), deadLetterBytes);
  }

  async deadLetters(appId: string, count: number, before?: string): Promise<readonly DeadLetter[]> {
    if (before !== undefined && !/^\d+$/.test(before)) {
      throw requestErrors.invalid('before', 'expected the next of the page before');
    }
    const { letters } = this.#app(appId);
    const older = before === undefined ? letters : letters.filter(({ letterId }) => Number(letterId) < Number(before));
    return newest(older, count).toReversed();
  }

  async revive(
    appId: string,
    letterIds: readonly string[] | undefined,
    endpoints?: readonly string[],
  ): Promise<number> {
    const app = this.#app(appId);
    const { queuedEvents, queuedBytes } = this.#limits;
    const wanted = letterIds && new Set(letterIds);
    const isAsked = ({ letterId, endpoint }: DeadLetter) =>
      (wanted?.has(letterId) ?? true) && (endpoints?.includes(endpoint) ?? true);
    const revived = new Set<DeadLetter>();
    for (const letter of app.letters.filter(isAsked)) {
      if (app.backlog.size >= queuedEvents || app.backlog.bytes + bytesOf(letter) > queuedBytes) break;
      const { id, event, atMs, endpoint } = letter;
      app.backlog.add({ id, event, atMs, endpoint });
      revived.add(letter);
    }
    app.letters = app.letters.filter((letter) => !revived.has(letter));
    return revived.size;
  }

  /** The backlog stays, empty: its numbers go on, and whoever delivers knows where it was. */
  async forget(appId: string): Promise<number> {
    const app = this.#apps.get(appId);
    if (app === undefined) return 0;
    app.letters = [];
    app.deliveries = [];
    const waiting = app.backlog.size;
    while (app.backlog.size > 0) app.backlog.removeOldest();
    return waiting;
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

/** The newest that take no more. */
function ofBytes(oldestFirst: readonly DeadLetter[], most: number): DeadLetter[] {
  let bytes = 0;
  let first = oldestFirst.length;
  for (let at = first - 1; at >= 0; at -= 1) {
    bytes += bytesOf(oldestFirst[at] as DeadLetter);
    if (bytes > most) break;
    first = at;
  }
  return oldestFirst.slice(first);
}
