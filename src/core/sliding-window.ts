// A rate limit that never admits more than its limit in any second, wherever the second begins.

const WINDOW_MS = 1000;

export class SlidingWindow {
  /** When each of the last `limit` units was admitted; a ring, oldest at `#oldest`. */
  readonly #admittedAtMs: Float64Array;
  #oldest = 0;

  constructor(limit: number) {
    this.#admittedAtMs = new Float64Array(limit).fill(Number.NEGATIVE_INFINITY);
  }

  get limit(): number {
    return this.#admittedAtMs.length;
  }

  /** Whether nothing was admitted within the last second: the window may be forgotten. */
  isIdle(nowMs: number): boolean {
    const newest = this.#admittedAtMs[(this.#oldest + this.limit - 1) % this.limit] ?? Number.NEGATIVE_INFINITY;
    return nowMs - newest >= WINDOW_MS;
  }

  /** Takes all of `amount` or nothing. @returns 0 when admitted, else milliseconds to wait (infinite above the limit). */
  take(amount: number, nowMs: number): number {
    if (amount > this.limit) return Number.POSITIVE_INFINITY;
    const last = this.#admittedAtMs[(this.#oldest + amount - 1) % this.limit] ?? Number.NEGATIVE_INFINITY;
    const waitMs = last + WINDOW_MS - nowMs;
    if (waitMs > 0) return waitMs;
    for (let taken = 0; taken < amount; taken += 1) {
      this.#admittedAtMs[this.#oldest] = nowMs;
      this.#oldest = (this.#oldest + 1) % this.limit;
    }
    return 0;
  }
}
