// The broker over Redis' publish and subscribe: a node is sent only the topics its own sockets listen to.
import type { Logger } from 'pino';
import type { Broker, BrokerMessage, Deliver, Topic } from '../../core/ports.ts';
import { requestErrors } from '../../protocol/errors.ts';
import type { RedisClient } from './client.ts';
import { Orders } from './orders.ts';

/** Topics in one SUBSCRIBE after the connection came back. */
const TOPICS_AT_ONCE = 500;

/** A connection may be dead for so long before that is known. */
const UNNOTICED_MS = 60_000;

export interface BrokerOptions {
  /** How long a topic nobody listens to any more is kept, so that a listener's return costs nothing. */
  readonly lingerMs: number;
}

interface Listening {
  /** Settles when Redis has confirmed the subscription. */
  readonly confirmed: Promise<unknown>;
  /** Set while nobody listens here. */
  letGo: NodeJS.Timeout | undefined;
}

export class RedisBroker implements Broker {
  readonly #client: RedisClient;
  readonly #options: BrokerOptions;
  readonly #log: Logger;
  readonly #topics = new Map<Topic, Listening>();
  readonly #orders: Orders;
  #deliver: Deliver | undefined;
  /** Redis knows of every topic; false from a loss until all are subscribed again. */
  #listening = false;
  /** Since when it does not listen, or has not caught up since. */
  #lostAtMs: number | undefined;
  #malformed = 0;
  #onListening: () => void = () => {};

  constructor(client: RedisClient, options: BrokerOptions, log: Logger) {
    this.#client = client;
    this.#options = options;
    this.#log = log;
    client.subscriber.onMessage(this.#receive);
    this.#orders = new Orders(client);
    client.subscriber.onLost(() => {
      this.#listening = false;
      this.#lostAtMs ??= performance.now();
    });
    client.onRestored(() => void this.#subscribeAgain());
  }

  /** Messages that were dropped as they are none of ours. */
  get malformed(): number {
    return this.#malformed;
  }

  /** Whether every topic that is listened to here is known to Redis: false from a loss until all are again. */
  get listening(): boolean {
    return this.#listening;
  }

  /** @param listener is called when all topics are subscribed again after a loss */
  onListening(listener: () => void): void {
    this.#onListening = listener;
  }

  async start(deliver: Deliver): Promise<void> {
    if (this.#deliver !== undefined) return;
    this.#deliver = deliver;
    try {
      await this.#client.start(this);
      this.#listening = true;
    } catch (err) {
      this.#deliver = undefined;
      throw err;
    }
  }

  async stop(): Promise<void> {
    if (this.#deliver === undefined) return;
    this.#deliver = undefined;
    this.#listening = false;
    for (const { letGo } of this.#topics.values()) clearTimeout(letGo);
    this.#topics.clear();
    this.#client.stop(this);
  }

  /** Rejects with RequestError 503 while Redis is away. */
  async subscribe(topic: Topic): Promise<void> {
    if (!this.#listening) throw requestErrors.unavailable();
    const known = this.#topics.get(topic);
    if (known !== undefined) {
      clearTimeout(known.letGo);
      known.letGo = undefined;
      await known.confirmed;
      return;
    }
    const { subscriber, keys } = this.#client;
    const listening: Listening = {
      confirmed: this.#client.answer(subscriber.subscribe([keys.topicName(topic)])),
      letGo: undefined,
    };
    this.#topics.set(topic, listening);
    try {
      await listening.confirmed;
    } catch (err) {
      if (this.#topics.get(topic) === listening) this.#forget(topic, listening);
      throw err;
    }
  }

  unsubscribe(topic: Topic): void {
    const known = this.#topics.get(topic);
    if (known === undefined) return;
    clearTimeout(known.letGo);
    known.letGo = setTimeout(() => {
      this.#forget(topic, known);
      // Fails only without a connection, and then Redis has forgotten the topic as well.
      this.#client.subscriber.unsubscribe(this.#client.keys.topicName(topic)).catch(() => {});
    }, this.#options.lingerMs).unref();
  }

  /** Rejects with RequestError 503 while Redis is away, also when only this node cannot hear it. */
  async publish(topic: Topic, message: BrokerMessage): Promise<void> {
    if (!this.#listening) throw requestErrors.notPublished();
    const { keys, envelope } = this.#client;
    try {
      if (message.type === 'terminate' || message.type === 'unsubscribe')
        return await this.#orders.publish(topic, message);
      await this.#client.publish(keys.topicName(topic), envelope.encode(topic, message));
    } catch {
      throw requestErrors.notPublished();
    }
  }

  #forget(topic: Topic, { letGo }: Listening): void {
    clearTimeout(letGo);
    this.#topics.delete(topic);
  }

  /** The hot path: every message of every topic this node listens to. */
  readonly #receive = (name: Buffer, bytes: Buffer): void => {
    const topic = this.#client.keys.topicOf(name);
    const listening = this.#topics.get(topic);
    if (listening === undefined || listening.letGo !== undefined) return;
    const message = this.#client.envelope.decode(topic, bytes);
    if (message === undefined) this.#drop(topic);
    else this.#deliver?.(topic, message);
  };

  #drop(topic: Topic): void {
    this.#malformed += 1;
    if (this.#malformed > 1) return;
    this.#log.error(
      { topic },
      'a message that is not from Fanfare, or not signed with our busSecret, was dropped; more are only counted',
    );
  }

  /** On what was ordered meanwhile, and a little before: a dead connection is not noticed at once. */
  async #catchUp(): Promise<void> {
    const agoMs = performance.now() - (this.#lostAtMs ?? performance.now()) + UNNOTICED_MS;
    for (const { topic, order } of await this.#orders.since(agoMs, this.#topics.keys())) {
      if (this.#topics.has(topic)) this.#deliver?.(topic, order);
    }
    this.#lostAtMs = undefined;
  }

  async #subscribeAgain(): Promise<void> {
    const names = Array.from(this.#topics.keys(), this.#client.keys.topicName);
    const subscribed: Promise<unknown>[] = [];
    for (let from = 0; from < names.length; from += TOPICS_AT_ONCE) {
      subscribed.push(this.#client.answer(this.#client.subscriber.subscribe(names.slice(from, from + TOPICS_AT_ONCE))));
    }
    try {
      await Promise.all(subscribed);
      this.#listening = this.#deliver !== undefined;
      this.#log.info({ topics: names.length }, 'listening to Redis again');
    } catch {
      // Lost once more: the next time comes with the next connection.
      return;
    }
    // Refused or lost: the client has logged it, and the next time looks as far back.
    await this.#catchUp().catch(() => {});
    this.#onListening();
  }
}
