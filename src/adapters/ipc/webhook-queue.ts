// The webhook queue of a worker: the primary's, asked over the channel. One worker of all delivers at a time.
import type { DeadLetter, Delivery, Entry, Page, QueuedEvent, WebhookQueue } from '../../core/webhook-queue.ts';
import type { Caller } from './caller.ts';

export class IpcWebhookQueue implements WebhookQueue {
  readonly #primary: Caller;

  constructor(primary: Caller) {
    this.#primary = primary;
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  add(appId: string, events: readonly QueuedEvent[]): Promise<number> {
    return this.#primary.call('queue.add', appId, events);
  }

  claim(leaseMs: number): Promise<boolean> {
    return this.#primary.call('queue.claim', leaseMs);
  }

  release(): Promise<void> {
    return this.#primary.call('queue.release');
  }

  read(which: 'fresh' | 'left', count: number, after?: ReadonlyMap<string, string>): Promise<readonly Entry[]> {
    return this.#primary.call('queue.read', which, count, after);
  }

  reread(appId: string, count: number, after: string | undefined): Promise<Page> {
    return this.#primary.call('queue.reread', appId, count, after);
  }

  remove(appId: string, entryIds: readonly string[]): Promise<void> {
    return this.#primary.call('queue.remove', appId, entryIds);
  }

  bury(appId: string, letters: readonly Omit<DeadLetter, 'letterId'>[]): Promise<void> {
    return this.#primary.call('queue.bury', appId, letters);
  }

  deadLetters(appId: string, count: number, before?: string): Promise<readonly DeadLetter[]> {
    return this.#primary.call('queue.deadLetters', appId, count, before);
  }

  revive(appId: string, letterIds: readonly string[] | undefined, endpoints?: readonly string[]): Promise<number> {
    return this.#primary.call('queue.revive', appId, letterIds, endpoints);
  }

  forget(appId: string): Promise<number> {
    return this.#primary.call('queue.forget', appId);
  }

  record(appId: string, deliveries: readonly Delivery[]): Promise<void> {
    return this.#primary.call('queue.record', appId, deliveries);
  }

  deliveries(appId: string): Promise<readonly Delivery[]> {
    return this.#primary.call('queue.deliveries', appId);
  }

  sizes(appId: string): Promise<{ readonly waiting: number; readonly dead: number }> {
    return this.#primary.call('queue.sizes', appId);
  }
}
