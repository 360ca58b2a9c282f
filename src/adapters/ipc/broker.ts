// The broker of a worker. What it publishes comes back through the primary as well: one path, one order.
import type { Broker, BrokerMessage, Deliver, Topic } from '../../core/ports.ts';
import type { Caller } from './caller.ts';

export class IpcBroker implements Broker {
  readonly #primary: Caller;

  constructor(primary: Caller) {
    this.#primary = primary;
  }

  async start(deliver: Deliver): Promise<void> {
    this.#primary.deliver = deliver;
  }

  async stop(): Promise<void> {
    this.#primary.deliver = undefined;
  }

  subscribe(topic: Topic): Promise<void> {
    return this.#primary.call('subscribe', topic);
  }

  unsubscribe(topic: Topic): void {
    // It fails only when the primary is gone, and with it the subscription.
    this.#primary.call('unsubscribe', topic).catch(() => {});
  }

  publish(topic: Topic, message: BrokerMessage): Promise<void> {
    return this.#primary.call('publish', topic, message);
  }
}
