// Topic → subscriptions on this node, and the one loop in which a broadcast reaches them.
import { endings } from '../protocol/errors.ts';
import type { Broker, BrokerMessage, Member, Topic } from './ports.ts';
import { Roster } from './roster.ts';
import type { Subscription } from './subscription.ts';

interface Listeners {
  readonly subscriptions: Set<Subscription>;
  /** Of presence channels, where announcements may be lost between the nodes. */
  roster?: Roster;
  /** Settles when the broker listens to the topic. */
  readonly ready: Promise<void>;
}

export class Hub {
  readonly #broker: Broker;
  readonly #topics = new Map<Topic, Listeners>();
  readonly #keepsRosters: boolean;

  /** @param keepsRosters where announcements may be lost between the nodes */
  constructor(broker: Broker, keepsRosters = false) {
    this.#broker = broker;
    this.#keepsRosters = keepsRosters;
  }

  /** A subscription was told these members. */
  know(topic: Topic, change: number | undefined, members: readonly Member[]): void {
    const listeners = this.#topics.get(topic);
    if (listeners !== undefined && change !== undefined) this.#rosterOf(listeners)?.know(change, members);
  }

  #rosterOf(listeners: Listeners): Roster | undefined {
    if (this.#keepsRosters) listeners.roster ??= new Roster();
    return listeners.roster;
  }

  /** The presence channels with a subscription on this node. */
  *rosters(): Generator<[Topic, Roster, ReadonlySet<Subscription>]> {
    for (const [topic, { roster, subscriptions }] of this.#topics) {
      if (roster !== undefined) yield [topic, roster, subscriptions];
    }
  }

  /** Topics with a subscription on this node. */
  get size(): number {
    return this.#topics.size;
  }

  /** Whether the topic has a subscription on this node. */
  has(topic: Topic): boolean {
    return this.#topics.has(topic);
  }

  /** Resolves once broadcasts on the topic reach the subscription. When it rejects, `remove` it again. */
  add(topic: Topic, subscription: Subscription): Promise<void> {
    let listeners = this.#topics.get(topic);
    if (listeners === undefined) {
      listeners = { subscriptions: new Set(), ready: this.#broker.subscribe(topic) };
      this.#topics.set(topic, listeners);
    }
    listeners.subscriptions.add(subscription);
    return listeners.ready;
  }

  remove(topic: Topic, subscription: Subscription): void {
    const subscriptions = this.#topics.get(topic)?.subscriptions;
    if (!subscriptions?.delete(subscription) || subscriptions.size > 0) return;
    this.#topics.delete(topic);
    this.#broker.unsubscribe(topic);
  }

  /** The hot path: no JSON, no await, no log call, nothing allocated per socket. */
  readonly broadcast = (topic: Topic, message: BrokerMessage): void => {
    const listeners = this.#topics.get(topic);
    if (listeners === undefined) return;
    const { subscriptions } = listeners;
    if (message.type !== 'frame') {
      if (message.type !== 'call') command(subscriptions, message);
      return;
    }
    const { frame, except, change } = message;
    if (change !== undefined) this.#rosterOf(listeners)?.heard(change, frame);
    for (const subscription of subscriptions) {
      if (subscription.socketId !== except) subscription.send(frame, change);
    }
  };
}

function command(
  subscriptions: Iterable<Subscription>,
  message: Exclude<BrokerMessage, { type: 'frame' | 'call' }>,
): void {
  const { ageMs } = message;
  const beforeMs = ageMs === undefined ? Number.POSITIVE_INFINITY : performance.now() - ageMs;
  for (const subscription of subscriptions) {
    if (subscription.sinceMs > beforeMs) continue;
    if (message.type === 'terminate') subscription.terminate(endings.terminated);
    else subscription.revoke(message.channel, beforeMs);
  }
}
