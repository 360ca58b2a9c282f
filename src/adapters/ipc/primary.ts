// The primary of several workers: the one memory set they share.
import type { Logger } from 'pino';
import { MemoryBroker } from '../memory/broker.ts';
import { MemoryEventCache } from '../memory/event-cache.ts';
import { MemoryNodeRegistry } from '../memory/node-registry.ts';
import { MemoryRateLimiter } from '../memory/rate-limiter.ts';
import { MemoryRequestLog } from '../memory/request-log.ts';
import { MemoryTracker } from '../memory/tracker.ts';
import { MemoryWebhookQueue } from '../memory/webhook-queue.ts';
import type { QueueLimits } from '../queue-limits.ts';
import { Announcer } from './announcer.ts';
import type { Channel } from './channel.ts';
import { Claim } from './claim.ts';
import { Departures } from './departures.ts';
import { Listeners } from './listeners.ts';
import type { Call } from './messages.ts';
import { Outlet, onEach } from './outlet.ts';
import type { Shared } from './requests.ts';
import { Session } from './session.ts';

export class Primary {
  readonly #log: Logger;
  readonly #shared: Shared;
  #last: Promise<void> = Promise.resolve();

  constructor(log: Logger, limits: Partial<QueueLimits> = {}) {
    this.#log = log;
    const broker = new MemoryBroker();
    const announcer = new Announcer(broker);
    this.#shared = {
      broker,
      announcer,
      tracker: new MemoryTracker(announcer),
      eventCache: new MemoryEventCache(),
      rateLimiter: new MemoryRateLimiter(),
      nodeRegistry: new MemoryNodeRegistry(),
      requestLog: new MemoryRequestLog(),
      webhookQueue: new MemoryWebhookQueue(limits),
      claim: new Claim(),
      listeners: new Listeners(broker),
      departures: new Departures(),
    };
  }

  async start(): Promise<void> {
    const { broker, tracker, eventCache, rateLimiter, webhookQueue, listeners } = this.#shared;
    await broker.start(listeners.deliver);
    await Promise.all([tracker.start(() => {}), eventCache.start(), rateLimiter.start(), webhookQueue.start()]);
  }

  async stop(): Promise<void> {
    const { broker, tracker, eventCache, rateLimiter, webhookQueue } = this.#shared;
    await this.#last;
    await Promise.all([tracker.stop(), eventCache.stop(), rateLimiter.stop(), webhookQueue.stop()]);
    await broker.stop();
  }

  /** Serves a worker until its end of the channel is gone; then lets go of what it held. */
  attach(channel: Channel): void {
    const session = new Session(this.#shared, new Outlet(channel));
    onEach<Call>(channel, (call) => this.#inTurn(() => session.answer(call)));
    channel.onEnd(() => this.#inTurn(() => this.#bury(session)));
  }

  async #bury(session: Session): Promise<void> {
    const entries = await session.end();
    if (entries > 0) this.#log.info({ entries }, 'removed what a worker left behind');
  }

  /** One after the other, whoever asks: a change and the number of its announcement belong together. */
  #inTurn(job: () => Promise<void>): void {
    this.#last = this.#last.then(job).catch((err: unknown) => this.#log.error({ err }, 'a worker was not served'));
  }
}
