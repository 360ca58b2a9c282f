// Rate limits counted in this process.
import type { RateLimiter } from '../../core/ports.ts';
import { SlidingWindow } from '../../core/sliding-window.ts';

const SWEEP_EVERY_MS = 10_000;

export class MemoryRateLimiter implements RateLimiter {
  readonly #windows = new Map<string, SlidingWindow>();
  #sweeper: NodeJS.Timeout | undefined;

  async start(): Promise<void> {
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_EVERY_MS).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
    this.#windows.clear();
  }

  async take(key: string, amount: number, limit: number): Promise<number> {
    let window = this.#windows.get(key);
    if (window?.limit !== limit) {
      window = new SlidingWindow(limit);
      this.#windows.set(key, window);
    }
    return window.take(amount, performance.now());
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const [key, window] of this.#windows) if (window.isIdle(nowMs)) this.#windows.delete(key);
  }
}
