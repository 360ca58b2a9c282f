// Two nodes with something to lose, and what is to be so again after Redis became another one under them.
import { expect } from 'vitest';
import type { RedisOptions } from '../../../src/adapters/redis/settings.ts';
import { channelTopic } from '../../../src/core/topics.ts';
import { textFrame } from '../../../src/protocol/frame.ts';
import { startNode, type TestNode } from './redis-node.ts';

const APP = 'app';
const ROOM = 'presence-room';
const TOPIC = channelTopic(APP, ROOM);
/** From the moment Redis can be used again; each retry is later than the last, up to two seconds. */
const BACK_WITHIN_MS = 5000;

const announce = (text: string) => ({ topic: TOPIC, frame: textFrame(text) });

/** One listens and has a member, the other speaks. */
export class Pair implements AsyncDisposable {
  readonly listener: TestNode;
  readonly speaker: TestNode;

  private constructor(listener: TestNode, speaker: TestNode) {
    this.listener = listener;
    this.speaker = speaker;
  }

  static async start(settings: RedisOptions): Promise<Pair> {
    const times = { lingerMs: 20 };
    const pair = new Pair(await startNode(settings, times), await startNode(settings, times));
    const { broker, tracker } = pair.listener;
    await broker.subscribe(TOPIC);
    await tracker.connect(APP, '1.1', 0);
    const presence = { member: { userId: '7', info: 'null' }, limit: 0, announce: announce('+7') };
    await tracker.join({ appId: APP, channel: ROOM, socketId: '1.1', users: ['7'], presence });
    expect(await pair.listener.deliveries.nextText()).toBe(`${TOPIC} +7 except 1.1`);
    await pair.expectWhole();
    return pair;
  }

  /** Runs what makes Redis another one; resolves when the nodes that notice are as they were. */
  async through(change: () => Promise<unknown>, nodes = [this.listener, this.speaker]): Promise<void> {
    const logs = nodes.map(({ log }) => log);
    const lost = logs.map((log) => log.next('the connection to Redis was lost'));
    const listening = logs.map((log) => log.next('listening to Redis again'));
    const registered = logs.map((log) => log.next('registered in Redis again'));
    await change();
    const changedAtMs = performance.now();
    await Promise.all([...lost, ...listening, ...registered]);
    expect(performance.now() - changedAtMs).toBeLessThan(BACK_WITHIN_MS);
    await this.expectWhole();
  }

  /** Messages arrive, and each node knows who is there. */
  async expectWhole(): Promise<void> {
    await this.speaker.broker.publish(TOPIC, { type: 'frame', frame: textFrame('hello') });
    expect(await this.listener.deliveries.nextText()).toBe(`${TOPIC} hello`);
    for (const { tracker, link } of [this.listener, this.speaker]) {
      expect(await tracker.members(APP, ROOM)).toEqual([{ userId: '7', info: 'null' }]);
      expect(await tracker.listCounted(APP, '')).toEqual(new Map([[ROOM, { subscriptionCount: 1, userCount: 1 }]]));
      expect(await tracker.connectionCount(APP)).toBe(1);
      expect(await link?.trouble()).toBe(undefined);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.listener.stop(), this.speaker.stop()]);
  }
}
