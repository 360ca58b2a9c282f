// Which cache channels without an event were announced already (webhooks.md §2): once until something is cached or the
// channel is left, and never again within some seconds. Of this node: what others cache it need not hear of, so once that
// could have been cached and be over, an empty channel is announced again. What several nodes say at once is dropped by who
// sends webhooks.
import type { Topic } from './ports.ts';

/** A channel that flaps must not flood the application with what it knows. */
export const CACHE_MISS_FLOOR_MS = 5000;

export class CacheMisses {
  /** Where nothing is cached, as far as this node knows: when that was announced. */
  readonly #empty = new Map<Topic, number>();
  /** When it was announced, whatever came of it since; oldest first. */
  readonly #recent = new Map<Topic, number>();

  /**
   * A subscriber found nothing.
   * @param keptMs how long an event is cached
   * @returns whether that is to be announced
   */
  missed(topic: Topic, nowMs: number, keptMs: number): boolean {
    this.#forget(nowMs);
    const announcedMs = this.#empty.get(topic) ?? Number.NEGATIVE_INFINITY;
    if (nowMs - announcedMs < keptMs || this.#recent.has(topic)) return false;
    this.#empty.set(topic, nowMs);
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
