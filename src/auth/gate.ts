// How much is asked of the application at a time, and when it is left alone: a bounded number of requests, a bounded
// queue behind them, and a circuit breaker. No maintained library of the kind supports Node 20.

export interface GateOptions {
  /** Runs at a time; the others wait in order. */
  readonly concurrency: number;
  /** How many wait at most. */
  readonly waiting: number;
  /** How long each of them waits at most. */
  readonly waitMs: number;
  /** Failures in a row after which nothing runs for `breakMs`; then one run tries. */
  readonly failures: number;
  readonly breakMs: number;
  /** A clock in ms that never goes back; for tests. */
  readonly now?: () => number;
}

export interface GateListener {
  /** Too many wait, or one waited too long. */
  busy(): Error;
  /** Nothing runs for so long yet. */
  broken(leftMs: number): Error;
  opened(): void;
  closed(): void;
}

export class Gate {
  readonly #options: GateOptions;
  readonly #listener: GateListener;
  readonly #now: () => number;
  /** Each starts the one that waits. */
  readonly #queue = new Set<() => void>();
  #running = 0;
  #failures = 0;
  /** While broken. */
  #brokenUntilMs: number | undefined;
  #trying = false;

  constructor(options: GateOptions, listener: GateListener) {
    this.#options = options;
    this.#listener = listener;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * Runs the work when it is its turn. Its error is passed on, and counts as a failure where `isFailure` says so.
   * @throws Error of the listener, and then the work did not run
   */
  async run<T>(work: () => Promise<T>, isFailure: (err: unknown) => boolean): Promise<T> {
    const isTrial = this.#admit();
    try {
      await this.#turn();
      try {
        // It may have broken while this one waited.
        if (!isTrial) this.#refuseWhileBroken();
        return await this.#counted(work, isFailure);
      } finally {
        this.#running -= 1;
        const [next] = this.#queue;
        next?.();
      }
    } finally {
      if (isTrial) this.#trying = false;
    }
  }

  /** @returns whether this is the one that tries after a break. */
  #admit(): boolean {
    if (this.#brokenUntilMs === undefined) return false;
    if (this.#trying || this.#now() < this.#brokenUntilMs) this.#refuseWhileBroken();
    this.#trying = true;
    return true;
  }

  #refuseWhileBroken(): void {
    if (this.#brokenUntilMs === undefined) return;
    throw this.#listener.broken(Math.max(0, this.#brokenUntilMs - this.#now()));
  }

  /** Resolves when fewer than may are running, this one then among them. */
  #turn(): Promise<void> {
    const { concurrency, waiting, waitMs } = this.#options;
    if (this.#running < concurrency) {
      this.#running += 1;
      return Promise.resolve();
    }
    if (this.#queue.size >= waiting) return Promise.reject(this.#listener.busy());
    return new Promise((resolve, reject) => {
      const start = () => {
        clearTimeout(timer);
        this.#queue.delete(start);
        this.#running += 1;
        resolve();
      };
      const timer = setTimeout(() => {
        this.#queue.delete(start);
        reject(this.#listener.busy());
      }, waitMs).unref();
      this.#queue.add(start);
    });
  }

  async #counted<T>(work: () => Promise<T>, isFailure: (err: unknown) => boolean): Promise<T> {
    try {
      const answer = await work();
      this.#succeeded();
      return answer;
    } catch (err) {
      if (isFailure(err)) this.#failed();
      else this.#succeeded();
      throw err;
    }
  }

  #succeeded(): void {
    this.#failures = 0;
    if (this.#brokenUntilMs === undefined) return;
    this.#brokenUntilMs = undefined;
    this.#listener.closed();
  }

  #failed(): void {
    this.#failures += 1;
    if (this.#failures < this.#options.failures) return;
    const isNew = this.#brokenUntilMs === undefined;
    this.#brokenUntilMs = this.#now() + this.#options.breakMs;
    if (isNew) this.#listener.opened();
  }
}
