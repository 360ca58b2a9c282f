// Who may not join which channel, until when, in this process. What has lapsed goes when it is asked for, or swept.

const SWEEP_EVERY_MS = 60_000;

export class Denials {
  readonly #lapseAtMs = new Map<string, number>();
  #sweeper: NodeJS.Timeout | undefined;

  start(): void {
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
    this.#lapseAtMs.clear();
  }

  get size(): number {
    return this.#lapseAtMs.size;
  }

  set(appId: string, channel: string, userId: string, seconds: number): void {
    this.#lapseAtMs.set(keyOf(appId, channel, userId), performance.now() + seconds * 1000);
  }

  /** In whole seconds, rounded up; 0 when there is none. */
  secondsLeft(appId: string, channel: string, userId: string): number {
    const key = keyOf(appId, channel, userId);
    const leftMs = (this.#lapseAtMs.get(key) ?? 0) - performance.now();
    if (leftMs > 0) return Math.ceil(leftMs / 1000);
    this.#lapseAtMs.delete(key);
    return 0;
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const [key, lapseAtMs] of this.#lapseAtMs) if (lapseAtMs <= nowMs) this.#lapseAtMs.delete(key);
  }
}

/** Channels and user ids may hold any character. */
function keyOf(...names: readonly string[]): string {
  return JSON.stringify(names);
}
