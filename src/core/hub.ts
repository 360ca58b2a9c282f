// Topic → subscriptions on this node, and the one loop in which a broadcast reaches them.
import { endings } from '../protocol/errors.ts';
import type { Broker, BrokerMessage, Topic } from './ports.ts';
import type { Subscription } from './subscription.ts';

interface Listeners {
  readonly subscriptions: Set<Subscription>;
  /** Settles when the broker listens to the topic. */
  readonly ready: Promise<void>;
}

export class Hub {
  readonly #broker: Broker;
  readonly #topics = new Map<Topic, Listeners>();

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** Topics with a subscription on this node. */
  get size(): number {
    return this.#topics.size;
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
    const subscriptions = this.#topics.get(topic)?.subscriptions;
    if (subscriptions === undefined) return;
    if (message.type !== 'frame') {
      if (message.type !== 'call') command(subscriptions, message);
      return;
    }
    const { frame, except, change } = message;
    for (const subscription of subscriptions) {
      if (subscription.socketId !== except) subscription.send(frame, change);
    }
  };
}

function command(
  subscriptions: Iterable<Subscription>,
  message: Exclude<BrokerMessage, { type: 'frame' | 'call' }>,
): void {
  for (const subscription of subscriptions) {
    if (message.type === 'terminate') subscription.terminate(endings.terminated);
    else subscription.revoke(message.channel);
  }
}
