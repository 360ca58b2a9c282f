// The broker of a cluster of one process: publishing is a call.
import type { Broker, BrokerMessage, Deliver, Topic } from '../../core/ports.ts';

const done = Promise.resolve();

export class MemoryBroker implements Broker {
  #deliver: Deliver | undefined;
  readonly #topics = new Set<Topic>();

  async start(deliver: Deliver): Promise<void> {
    this.#deliver = deliver;
  }

  async stop(): Promise<void> {
    this.#deliver = undefined;
    this.#topics.clear();
  }

  subscribe(topic: Topic): Promise<void> {
    this.#topics.add(topic);
    return done;
  }

  unsubscribe(topic: Topic): void {
    this.#topics.delete(topic);
  }

  publish(topic: Topic, message: BrokerMessage): Promise<void> {
    if (this.#topics.has(topic)) this.#deliver?.(topic, message);
    return done;
  }
}
