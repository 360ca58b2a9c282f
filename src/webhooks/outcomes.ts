// What became of entries, told to the queue: delivered ones are removed, requests recorded, dead ones buried. What the
// queue does not take now is tried again until it does.
import { DELIVERIES, type DeadLetter, type Delivery, QUEUED_EVENTS, type WebhookQueue } from '../core/webhook-queue.ts';

export class Outcomes {
  readonly #queue: WebhookQueue;
  readonly #againMs: number;
  readonly #done = new Map<string, string[]>();
  readonly #deliveries = new Map<string, Delivery[]>();
  #writing: Promise<void> | undefined;
  /** End the pauses there are. */
  readonly #pauses = new Set<() => void>();
  #stopped = false;

  constructor(queue: WebhookQueue, againMs: number) {
    this.#queue = queue;
    this.#againMs = againMs;
  }

  /** They need not be delivered any more. One that cannot be removed in the end is delivered twice, not lost. */
  remove(appId: string, entryIds: readonly string[]): void {
    append(this.#done, appId, entryIds, QUEUED_EVENTS);
    this.#write();
  }

  record(appId: string, delivery: Delivery): void {
    append(this.#deliveries, appId, [delivery], DELIVERIES);
    this.#write();
  }

  /** Resolves when they are kept; false when this was stopped before. */
  async bury(appId: string, letters: readonly Omit<DeadLetter, 'letterId'>[]): Promise<boolean> {
    while (!this.#stopped) {
      try {
        await this.#queue.bury(appId, letters);
        return true;
      } catch {
        await this.#pause();
      }
    }
    return false;
  }

  /** Resolves when all that was said is written, or cannot be now. Nothing is tried again from here on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const end of this.#pauses) end();
    await this.#writing;
  }

  #write(): void {
    if (this.#writing !== undefined) return;
    this.#writing = this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  /** What is said while a call is under way goes with the next. */
  async #writeAll(): Promise<void> {
    // First the turn of the event loop ends, and what belongs together is together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#done.size + this.#deliveries.size > 0) {
      const isWritten =
        (await this.#writeEach(this.#done, (appId, ids) => this.#queue.remove(appId, ids), QUEUED_EVENTS)) &&
        (await this.#writeEach(this.#deliveries, (appId, some) => this.#queue.record(appId, some), DELIVERIES));
      if (isWritten) continue;
      if (this.#stopped) return;
      await this.#pause();
    }
  }

  async #writeEach<T>(
    waiting: Map<string, T[]>,
    write: (appId: string, items: T[]) => Promise<void>,
    most: number,
  ): Promise<boolean> {
    for (const [appId, items] of [...waiting]) {
      waiting.delete(appId);
      try {
        await write(appId, items);
      } catch {
        const later = waiting.get(appId) ?? [];
        waiting.delete(appId);
        append(waiting, appId, [...items, ...later], most);
        return false;
      }
    }
    return true;
  }

  async #pause(): Promise<void> {
    if (this.#stopped) return;
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#pauses.delete(end);
        resolve();
      };
      const timer = setTimeout(end, this.#againMs).unref();
      this.#pauses.add(end);
    });
  }
}

/** Keeps the last so many. */
function append<T>(waiting: Map<string, T[]>, appId: string, items: readonly T[], most: number): void {
  let all = waiting.get(appId);
  if (all === undefined) {
    all = [];
    waiting.set(appId, all);
  }
  for (const item of items) all.push(item);
  if (all.length > most) all.splice(0, all.length - most);
}
