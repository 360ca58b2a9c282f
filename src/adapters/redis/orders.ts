// Terminations and removals as they are kept in Redis for nodes that did not listen when they were published.
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { BrokerMessage, Topic } from '../../core/ports.ts';
import { readJson } from '../../protocol/json.ts';
import type { RedisClient } from './client.ts';
import { order, orders } from './scripts/order.lua.ts';

export type Order = Extract<BrokerMessage, { type: 'terminate' | 'unsubscribe' }>;

/** An id, so that two orders of the same text are two; the topic; the message as it is published, in base64. */
const keptSchema = z.tuple([z.string(), z.string(), z.base64()]);

export class Orders {
  readonly #client: RedisClient;

  constructor(client: RedisClient) {
    this.#client = client;
  }

  /** Keeps and publishes it in one step. */
  async publish(topic: Topic, message: Order): Promise<void> {
    const { keys, envelope } = this.#client;
    const bytes = envelope.encode(topic, message);
    const kept = JSON.stringify([randomUUID(), topic, bytes.toString('base64')]);
    await this.#client.run(order, [keys.orders(appOf(topic))], [kept, keys.topicName(topic), bytes]);
  }

  /** What was ordered of the apps of these topics in the last so many milliseconds, with how long ago. */
  async since(agoMs: number, topics: Iterable<Topic>): Promise<{ readonly topic: Topic; readonly order: Order }[]> {
    const apps = new Set(Array.from(topics, appOf));
    const found = await Promise.all(Array.from(apps, (appId) => this.#ofApp(appId, agoMs)));
    return found.flat();
  }

  async #ofApp(appId: string, agoMs: number): Promise<{ topic: Topic; order: Order }[]> {
    const names = [this.#client.keys.orders(appId)];
    const found = await this.#client.run<(string | number)[]>(orders, names, [Math.ceil(agoMs)]);
    const read: { topic: Topic; order: Order }[] = [];
    for (let at = 0; at < found.length; at += 2) {
      const { data } = keptSchema.safeParse(readJson(String(found[at])));
      if (data === undefined) continue;
      const [, topic, text] = data;
      const message = this.#client.envelope.decode(topic, Buffer.from(text, 'base64'));
      if (message?.type !== 'terminate' && message?.type !== 'unsubscribe') continue;
      read.push({ topic, order: { ...message, ageMs: Number(found[at + 1]) } });
    }
    return read;
  }
}

function appOf(topic: Topic): string {
  return topic.slice(0, topic.indexOf('/'));
}
