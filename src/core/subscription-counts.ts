// Tells a channel's subscribers how many they are (websocket.md §8): at once on small channels, at most once per
// interval on busy ones, the last number always included.
import { channelKind, serverToUserId } from '../protocol/channel-name.ts';
import { BUSY_CHANNEL_INTERVAL_MS, BUSY_CHANNEL_SUBSCRIPTIONS } from '../protocol/limits.ts';
import { subscriptionCount } from '../protocol/server-message.ts';
import type { App } from './app.ts';
import type { Topic } from './ports.ts';
import { channelTopic } from './topics.ts';

interface Pending {
  readonly timer: NodeJS.Timeout;
  app: App;
  count: number | undefined;
}

/** Publishes the frame and announces the fact. */
export type SendCount = (app: App, channel: string, topic: Topic, frame: Buffer, count: number) => void;

export class SubscriptionCounts {
  readonly #send: SendCount;
  readonly #busy = new Map<Topic, Pending>();

  constructor(send: SendCount) {
    this.#send = send;
  }

  /** A subscription was added or removed; the channel has `count` now. */
  changed(app: App, channel: string, count: number): void {
    if (!app.subscriptionCount || channelKind(channel).presence || serverToUserId(channel) !== undefined) return;
    const topic = channelTopic(app.id, channel);
    const pending = this.#busy.get(topic);
    if (pending !== undefined) {
      pending.app = app;
      pending.count = count;
      return;
    }
    this.#send(app, channel, topic, subscriptionCount(channel, count), count);
    if (count > BUSY_CHANNEL_SUBSCRIPTIONS) this.#wait(app, channel, topic);
  }

  /** What waits goes by the app as it is now; of an app that is gone, it is dropped. */
  appsChanged(apps: ReadonlyMap<string, App | undefined>): void {
    for (const [topic, pending] of this.#busy) {
      if (!apps.has(pending.app.id)) continue;
      const app = apps.get(pending.app.id);
      if (app !== undefined) {
        pending.app = app;
        continue;
      }
      clearTimeout(pending.timer);
      this.#busy.delete(topic);
    }
  }

  stop(): void {
    for (const { timer } of this.#busy.values()) clearTimeout(timer);
    this.#busy.clear();
  }

  #wait(app: App, channel: string, topic: Topic): void {
    const over = () => {
      const { app, count } = pending;
      this.#busy.delete(topic);
      if (count !== undefined) this.changed(app, channel, count);
    };
    const pending: Pending = { timer: setTimeout(over, BUSY_CHANNEL_INTERVAL_MS).unref(), app, count: undefined };
    this.#busy.set(topic, pending);
  }
}
