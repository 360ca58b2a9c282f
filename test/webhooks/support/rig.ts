// The deliverer over the memory queue, with an endpoint that answers as tests say. Time passes as tests say, too.
import { pino } from 'pino';
import { vi } from 'vitest';
import { MemoryWebhookQueue } from '../../../src/adapters/memory/webhook-queue.ts';
import type { App } from '../../../src/core/app.ts';
import type { Webhook } from '../../../src/core/app-webhooks.ts';
import type { WebhookQueue } from '../../../src/core/webhook-queue.ts';
import type { WebhookEvent } from '../../../src/protocol/webhook.ts';
import { Deliverer } from '../../../src/webhooks/deliverer.ts';
import { defaultTimes, type WebhookOptions } from '../../../src/webhooks/options.ts';
import { Outcomes } from '../../../src/webhooks/outcomes.ts';
import type { Counts } from '../../../src/webhooks/report.ts';
import type { Answer } from '../../../src/webhooks/sender.ts';
import { makeApp } from '../../core/support/harness.ts';
import { settle } from '../../core/support/time.ts';
import type { ReceivedEvent } from './receiver.ts';

export interface Sent {
  readonly url: string;
  readonly key: string;
  readonly text: string;
  readonly timeMs: number;
  readonly events: readonly ReceivedEvent[];
  /** Of the fake clock. */
  readonly atMs: number;
}

type WebhookInput = Partial<Webhook> & { readonly url: string };

/** What this store of apps does not do. */
const unchanging = {
  start: async () => {},
  stop: async () => {},
  trouble: () => undefined,
  editor: undefined,
};

export class Rig {
  readonly queue: WebhookQueue;
  readonly outcomes: Outcomes;
  readonly deliverer: Deliverer;
  readonly apps = new Map<string, App>();
  /** Apps whose records are there, and are none. */
  readonly refused = new Set<string>();
  readonly sent: Sent[] = [];
  readonly logged: Record<string, unknown>[] = [];
  readonly counts: Counts = { queued: 0, sent: 0, failed: 0, dead: 0, dropped: 0 };
  /** What an endpoint answers; a promise that waits is one that hangs. */
  answer: (sent: Sent) => Answer | Promise<Answer> = () => ({ status: 200 });
  /** Channels that are occupied, members as `channel user`. */
  readonly present = new Set<string>();
  truthFails = false;
  storeFails = false;
  #made = 0;

  constructor(
    options: Partial<WebhookOptions> = {},
    queue: WebhookQueue = new MemoryWebhookQueue(),
    { handsOver = false } = {},
  ) {
    this.queue = queue;
    const log = pino({ level: 'debug' }, { write: (line: string) => void this.logged.push(JSON.parse(line)) });
    const full = { ...defaultTimes, refusePrivateAddresses: false, concurrency: 4, ...options };
    this.outcomes = new Outcomes(queue, full.againMs);
    this.deliverer = new Deliverer({
      options: full,
      outcomes: this.outcomes,
      queue,
      apps: {
        findById: async (id) => {
          if (this.storeFails) throw new Error('no store');
          return this.refused.has(id) ? undefined : this.apps.get(id);
        },
        findByKey: async () => undefined,
        list: async () => [...this.apps.values()],
        refused: () => [...this.refused].map((id) => ({ id, reason: 'no app' })),
        ...unchanging,
      },
      send: async ({ url }, { key }, body) => {
        const text = body.toString();
        const { time_ms: timeMs, events } = JSON.parse(text) as { time_ms: number; events: ReceivedEvent[] };
        const sent = { url, key, text, timeMs, events, atMs: performance.now() };
        this.sent.push(sent);
        return await this.answer(sent);
      },
      areTrue: async (_, events) => {
        if (this.truthFails) throw new Error('no tracker');
        return events.map(({ channel, user_id }) => !this.present.has(user_id ? `${channel} ${user_id}` : channel));
      },
      handsOver,
      counts: this.counts,
      log,
    });
  }

  /** An app with these endpoints, from now on. */
  app(id: string, ...webhooks: WebhookInput[]): void {
    this.apps.set(id, makeApp({ id, key: `${id}-key`, webhooks }));
  }

  /** Numbered client events of one channel. @returns what identifies them */
  async clientEvents(appId: string, channel: string, count: number): Promise<string[]> {
    const events = Array.from({ length: count }, (_, index) => ({
      ...{ name: 'client_event', channel, event: 'client-e', data: String(index), socket_id: '1.1' },
    }));
    return await this.add(appId, ...(events as WebhookEvent[]));
  }

  /** Queues what happens now. */
  add(appId: string, ...events: WebhookEvent[]): Promise<string[]> {
    return this.addFor(appId, undefined, ...events);
  }

  /** The same, by a node that knows of these endpoints that they want it. */
  async addFor(appId: string, wantedBy: string[] | undefined, ...events: WebhookEvent[]): Promise<string[]> {
    const queued = events.map((event) => {
      this.#made += 1;
      return { id: `id-${this.#made}`, event, atMs: Date.now(), ...(wantedBy && { wantedBy }) };
    });
    await this.queue.add(appId, queued);
    return queued.map(({ id }) => id);
  }

  /** Ids that an endpoint took, in the order it took them. */
  idsAt(url: string, sent: readonly Sent[] = this.sent): string[] {
    return sent.filter((one) => one.url === url).flatMap(({ events }) => events.map(({ id }) => id));
  }

  messages(): unknown[] {
    return this.logged.filter(({ level }) => Number(level) > 20).map(({ msg }) => msg);
  }

  async waiting(appId: string): Promise<number> {
    return (await this.queue.sizes(appId)).waiting;
  }

  async end(): Promise<void> {
    await this.deliverer.stop();
    await this.outcomes.stop();
  }
}

/** Passes fake time, a bit at a time, so that everything due happens in its turn. */
export async function pass(ms: number, stepMs = 50): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    await vi.advanceTimersByTimeAsync(Math.min(stepMs, ms - passed));
    await settle();
  }
}
