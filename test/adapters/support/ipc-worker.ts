// Workers of one primary in this process: their channels carry copies, later, as those between processes do.
import { deserialize, serialize } from 'node:v8';
import { ipcAdapters } from '../../../src/adapters/ipc/adapters.ts';
import type { Channel } from '../../../src/adapters/ipc/channel.ts';
import { Primary } from '../../../src/adapters/ipc/primary.ts';
import type { QueueLimits } from '../../../src/adapters/queue-limits.ts';
import type { Adapters, Deliver, Departure } from '../../../src/core/ports.ts';
import { Log } from '../../support/redis.ts';
import { Deliveries } from '../contract/cluster.ts';

export class ChannelEnd implements Channel {
  /** What was sent from here, each the messages of a turn. */
  readonly sent: (readonly Record<string, unknown>[])[] = [];
  other: ChannelEnd | undefined;
  #onMessage: (message: unknown) => void = () => {};
  #onEnd: () => void = () => {};

  send(message: unknown): void {
    const { other } = this;
    if (other === undefined) return;
    this.sent.push(message as Record<string, unknown>[]);
    const bytes = serialize(message);
    setImmediate(() => other.#onMessage(deserialize(bytes)));
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#onMessage = listener;
  }

  onEnd(listener: () => void): void {
    this.#onEnd = listener;
  }

  /** As when the process at the other end is killed: this one learns it after all that was sent before. */
  async end(): Promise<void> {
    this.other = undefined;
    await new Promise<void>((resolve) => void setImmediate(resolve));
    this.#onEnd();
  }
}

export function channelPair(): [ChannelEnd, ChannelEnd] {
  const ends: [ChannelEnd, ChannelEnd] = [new ChannelEnd(), new ChannelEnd()];
  [ends[0].other, ends[1].other] = [ends[1], ends[0]];
  return ends;
}

export interface TestWorker extends Adapters {
  readonly deliveries: Deliveries;
  readonly departures: Departure[];
  /** Its end of the channel to the primary, and the primary's of the channel to it. */
  readonly channel: ChannelEnd;
  readonly primarySide: ChannelEnd;
  /** Without a word: resolves when the primary knows. */
  die(): Promise<void>;
  stop(): Promise<void>;
}

export class TestPrimary implements AsyncDisposable {
  readonly log = new Log();
  readonly primary: Primary;

  constructor(limits?: Partial<QueueLimits>) {
    this.primary = new Primary(this.log.logger, limits);
  }

  async worker(deliver?: Deliver): Promise<TestWorker> {
    const [channel, primarySide] = channelPair();
    this.primary.attach(primarySide);
    const adapters = ipcAdapters(channel);
    const { broker, tracker, eventCache, rateLimiter, webhookQueue } = adapters;
    const deliveries = new Deliveries();
    const departures: Departure[] = [];
    await broker.start(deliver ?? deliveries.deliver);
    const tracking = tracker.start((departure) => departures.push(departure));
    await Promise.all([tracking, eventCache.start(), rateLimiter.start(), webhookQueue.start()]);
    const stop = async () => {
      await Promise.all([tracker.stop(), eventCache.stop(), rateLimiter.stop(), webhookQueue.stop()]);
      await broker.stop();
    };
    const die = async () => {
      channel.other = undefined;
      await primarySide.end();
    };
    return { ...adapters, deliveries, departures, channel, primarySide, die, stop };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.primary.stop();
  }
}

export async function startPrimary(limits?: Partial<QueueLimits>): Promise<TestPrimary> {
  const primary = new TestPrimary(limits);
  await primary.primary.start();
  return primary;
}
