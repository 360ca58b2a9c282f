// Topic → workers that listen to it. The primary is one listener of the memory broker for all of them, and a message
// crosses to a worker once, whose hub reaches its sockets.
import type { Broker, Deliver, Topic } from '../../core/ports.ts';

export interface Listener {
  readonly deliver: Deliver;
}

export class Listeners {
  readonly #broker: Broker;
  readonly #byTopic = new Map<Topic, Set<Listener>>();

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  async add(topic: Topic, listener: Listener): Promise<void> {
    const listeners = this.#byTopic.get(topic);
    if (listeners !== undefined) {
      listeners.add(listener);
      return;
    }
    this.#byTopic.set(topic, new Set([listener]));
    await this.#broker.subscribe(topic);
  }

  remove(topic: Topic, listener: Listener): void {
    const listeners = this.#byTopic.get(topic);
    if (!listeners?.delete(listener) || listeners.size > 0) return;
    this.#byTopic.delete(topic);
    this.#broker.unsubscribe(topic);
  }

  /** Looks at every topic there is: for workers that are gone, who cannot say what they listened to. */
  removeAll(listener: Listener): void {
    for (const topic of this.#byTopic.keys()) this.remove(topic, listener);
  }

  readonly deliver: Deliver = (topic, message) => {
    for (const listener of this.#byTopic.get(topic) ?? []) listener.deliver(topic, message);
  };
}
