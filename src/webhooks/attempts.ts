// The requests of one endpoint that are under way or failed: how many at a time, which goes next, when one that failed
// goes again, and whether the endpoint seems down. No timers: it is told what time it is (performance.now()).
import { nextAttemptMs } from './backoff.ts';
import type { Held } from './batch.ts';
import type { WebhookOptions } from './options.ts';

export interface Attempt {
  readonly batch: readonly Held[];
  /** Sent again as it is: the same bytes, the same time_ms. */
  readonly body: Buffer;
  readonly firstMs: number;
  attempts: number;
  /** When it is due. */
  nextMs: number;
}

export type AttemptOptions = Pick<
  WebhookOptions,
  'concurrency' | 'breakAfterFailures' | 'firstPauseMs' | 'lastPauseMs'
>;

export class Attempts {
  readonly #options: AttemptOptions;
  #retryMs: number;
  /** Oldest first. */
  #failed: Attempt[] = [];
  readonly #running = new Set<Attempt>();
  #failuresInRow = 0;

  constructor(options: AttemptOptions, retrySeconds: number) {
    this.#options = options;
    this.#retryMs = retrySeconds * 1000;
  }

  /** For what fails from here on. */
  configure(retrySeconds: number): void {
    this.#retryMs = retrySeconds * 1000;
  }

  get running(): number {
    return this.#running.size;
  }

  /** Waiting to be sent again. */
  get failed(): number {
    return this.#failed.length;
  }

  /** While the endpoint seems down, one thing at a time. */
  hasRoom(): boolean {
    return this.#running.size < (this.#isDown() ? 1 : this.#options.concurrency);
  }

  /** The time of what was never attempted does not run; it is not begun in vain. */
  mayBegin(): boolean {
    return !this.#isDown() || this.#failed.length === 0;
  }

  /** What failed and is due, which is no longer waiting then. */
  takeDue(nowMs: number): Attempt | undefined {
    const index = this.#failed.findIndex(({ nextMs }) => nextMs <= nowMs);
    return index < 0 ? undefined : this.#failed.splice(index, 1)[0];
  }

  /** When what failed is due; Infinity: nothing did. */
  dueMs(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.#failed.map(({ nextMs }) => nextMs));
  }

  begin(attempt: Attempt): void {
    this.#running.add(attempt);
  }

  /** There is room for another. */
  end(attempt: Attempt): void {
    this.#running.delete(attempt);
  }

  taken(): void {
    // One that was down is up; one that refuses some events and takes others is not asked more often for that.
    if (this.#isDown()) for (const failed of this.#failed) failed.nextMs = 0;
    this.#failuresInRow = 0;
  }

  /** @returns whether it is going to be sent again; false: its time is over */
  refused(attempt: Attempt, nowMs: number): boolean {
    this.#failuresInRow += 1;
    const { firstPauseMs, lastPauseMs } = this.#options;
    const retry = { firstPauseMs, lastPauseMs, retryMs: this.#retryMs };
    const nextMs = nextAttemptMs(attempt.attempts, attempt.firstMs, nowMs, Math.random(), retry);
    if (nextMs === undefined) return false;
    attempt.nextMs = nextMs;
    this.#failed.push(attempt);
    return true;
  }

  #isDown(): boolean {
    return this.#failuresInRow >= this.#options.breakAfterFailures;
  }
}
