// The last event of each cache channel, in this process. Expired events go when they are asked for, or swept.
import type { CachedEvent, EventCache } from '../../core/ports.ts';

const SWEEP_EVERY_MS = 60_000;

interface Entry extends CachedEvent {
  readonly expiresAtMs: number;
}

export class MemoryEventCache implements EventCache {
  readonly #entries = new Map<string, Entry>();
  #sweeper: NodeJS.Timeout | undefined;

  async start(): Promise<void> {
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_EVERY_MS).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
    this.#entries.clear();
  }

  async set(appId: string, channel: string, { name, data }: CachedEvent, ttlSeconds: number): Promise<void> {
    this.#entries.set(`${appId}/${channel}`, { name, data, expiresAtMs: performance.now() + ttlSeconds * 1000 });
  }

  async get(appId: string, channel: string): Promise<(CachedEvent & { ttlSeconds: number }) | undefined> {
    const entry = this.#entries.get(`${appId}/${channel}`);
    if (entry === undefined) return undefined;
    const leftMs = entry.expiresAtMs - performance.now();
    if (leftMs > 0) return { name: entry.name, data: entry.data, ttlSeconds: Math.ceil(leftMs / 1000) };
    this.#entries.delete(`${appId}/${channel}`);
    return undefined;
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const [key, { expiresAtMs }] of this.#entries) if (expiresAtMs <= nowMs) this.#entries.delete(key);
  }
}
