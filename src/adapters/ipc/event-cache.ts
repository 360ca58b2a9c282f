// The event cache of a worker: the primary's, asked over the channel.
import type { CachedEvent, EventCache } from '../../core/ports.ts';
import type { Caller } from './caller.ts';

export class IpcEventCache implements EventCache {
  readonly #primary: Caller;

  constructor(primary: Caller) {
    this.#primary = primary;
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  set(appId: string, channel: string, event: CachedEvent, ttlSeconds: number): Promise<void> {
    return this.#primary.call('set', appId, channel, event, ttlSeconds);
  }

  get(appId: string, channel: string): Promise<(CachedEvent & { readonly ttlSeconds: number }) | undefined> {
    return this.#primary.call('get', appId, channel);
  }
}
