// The memory broker as the tracker uses it: numbers what is announced. An announcement reaches a worker before the
// answer to a join that came after it, and must not be made to a client whose snapshot has it.
import type { Broker, BrokerMessage, Deliver, Topic } from '../../core/ports.ts';

export class Announcer implements Broker {
  readonly #broker: Broker;
  #lastChange = 0;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** The number of the announcement that was made last. */
  get lastChange(): number {
    return this.#lastChange;
  }

  publish(topic: Topic, message: BrokerMessage): Promise<void> {
    this.#lastChange += 1;
    return this.#broker.publish(topic, message.type === 'frame' ? { ...message, change: this.#lastChange } : message);
  }

  start(deliver: Deliver): Promise<void> {
    return this.#broker.start(deliver);
  }

  stop(): Promise<void> {
    return this.#broker.stop();
  }

  subscribe(topic: Topic): Promise<void> {
    return this.#broker.subscribe(topic);
  }

  unsubscribe(topic: Topic): void {
    this.#broker.unsubscribe(topic);
  }
}
