// Which cache channels without an event were announced already (webhooks.md §2): once until something is cached or the
// channel is left, and never again within some seconds. Of this node; what several nodes say at once is dropped by
// who sends webhooks.
import type { Topic } from './ports.ts';

/** A channel that flaps must not flood the application with what it knows. */
export const CACHE_MISS_FLOOR_MS = 5000;

export class CacheMisses {
  /** Nothing is cached, as far as this node knows. */
  readonly #empty = new Set<Topic>();
  /** When it was announced; oldest first. */
  readonly #recent = new Map<Topic, number>();

  /** A subscriber found nothing. @returns whether that is to be announced */
  missed(topic: Topic, nowMs: number): boolean {
    this.#forget(nowMs);
    if (this.#empty.has(topic) || this.#recent.has(topic)) return false;
    this.#empty.add(topic);
    this.#recent.set(topic, nowMs);
    return true;
  }

  /** Something is cached now, or the last subscriber of this node left. */
  over(topic: Topic): void {
    this.#empty.delete(topic);
  }

  #forget(nowMs: number): void {
    for (const [topic, atMs] of this.#recent) {
      if (nowMs - atMs < CACHE_MISS_FLOOR_MS) return;
      this.#recent.delete(topic);
    }
  }
}
