// The broker over Redis: what it asks of Redis, and what it does with messages that are none of ours.
import { afterAll, describe, expect, test } from 'vitest';
import { textFrame } from '../../src/protocol/frame.ts';
import { startRedis } from '../support/redis.ts';
import { admin, startNode } from './support/redis-node.ts';

const redis = await startRedis();
afterAll(() => redis[Symbol.asyncDispose]());

const text = (value: string) => ({ type: 'frame', frame: textFrame(value) }) as const;

/** The (UN)SUBSCRIBE commands for topics of a prefix, as they arrive at Redis. */
async function watchSubscriptions(prefix: string) {
  using connection = admin(redis);
  const monitor = await connection.monitor();
  const seen: string[] = [];
  let wake = () => {};
  monitor.on('monitor', (_time: string, [command = '', ...topics]: string[]) => {
    if (!/^(un)?subscribe$/i.test(command) || topics[0]?.startsWith(prefix) !== true) return;
    seen.push(`${command.toLowerCase()} ${topics.map((topic) => topic.slice(prefix.length)).join(' ')}`);
    wake();
  });
  return {
    seen,
    until: async (command: string) => {
      while (!seen.includes(command)) await new Promise<void>((resolve) => (wake = resolve));
    },
    [Symbol.dispose]: () => monitor.disconnect(),
  };
}

describe('redis: broker', () => {
  test('listens in Redis to the topics of this node only, and lets go a little after the last listener', async () => {
    const settings = redis.settings();
    using watched = await watchSubscriptions(`${settings.prefix}0/`);
    await using node = await startNode(settings);
    await using other = await startNode(settings);
    await node.broker.subscribe('app/c/a');
    await other.broker.subscribe('app/c/b');
    using connection = admin(redis);
    const topic = (name: string) => `${settings.prefix}0/{app}/c/${name}`;
    expect(await connection.pubsub('NUMSUB', topic('a'), topic('b'), topic('c'))).toEqual([
      topic('a'),
      1,
      topic('b'),
      1,
      topic('c'),
      0,
    ]);
    node.broker.unsubscribe('app/c/a');
    await watched.until('unsubscribe {app}/c/a');
    expect(await connection.pubsub('NUMSUB', topic('a'))).toEqual([topic('a'), 0]);
  });

  test('a topic that is left and taken up again at once costs nothing, and misses nothing', async () => {
    const settings = redis.settings();
    using watched = await watchSubscriptions(`${settings.prefix}0/`);
    await using node = await startNode(settings, { lingerMs: 60_000 });
    await node.broker.subscribe('app/c/a');
    for (let flap = 0; flap < 5; flap += 1) {
      node.broker.unsubscribe('app/c/a');
      await node.broker.subscribe('app/c/a');
    }
    await node.broker.publish('app/c/a', text('hello'));
    expect(await node.deliveries.nextText()).toBe('app/c/a hello');
    await node.broker.subscribe('app/c/last');
    await watched.until('subscribe {app}/c/last');
    expect(watched.seen).toEqual(['subscribe {app}/c/a', 'subscribe {app}/c/last']);
  });

  test('delivers nothing of a topic that is only kept for a while', async () => {
    await using node = await startNode(redis.settings(), { lingerMs: 60_000 });
    await node.broker.subscribe('app/c/a');
    await node.broker.subscribe('app/c/b');
    node.broker.unsubscribe('app/c/a');
    await node.broker.publish('app/c/a', text('astray'));
    await node.broker.publish('app/c/b', text('hello'));
    expect(await node.deliveries.nextText()).toBe('app/c/b hello');
  });

  test('drops what is no message of ours, and logs it once', async () => {
    const settings = redis.settings();
    await using node = await startNode(settings);
    await node.broker.subscribe('app/c/a');
    using connection = admin(redis);
    for (const garbage of ['', 'no line break', '\n', 'unknown\nx', `${'frame '.repeat(100)}\n`, '{"event":"x"}\n']) {
      await connection.publish(`${settings.prefix}0/{app}/c/a`, garbage);
    }
    await node.broker.publish('app/c/a', text('hello'));
    expect(await node.deliveries.nextText()).toBe('app/c/a hello');
    const dropped = node.log.entries.filter(({ level }) => level === 50);
    expect(dropped).toEqual([expect.objectContaining({ topic: 'app/c/a' })]);
  });

  test.each([
    ['prefixes', { prefix: 'another:' }],
    ['databases', { db: 1 }],
  ])('two clusters with different %s on one Redis do not see each other', async (_, different) => {
    const settings = redis.settings();
    await using node = await startNode(settings);
    await using stranger = await startNode({ ...settings, ...different });
    await node.broker.subscribe('app/c/a');
    await stranger.broker.publish('app/c/a', text('astray'));
    await stranger.tracker.join({ appId: 'app', channel: 'a', socketId: '1.1', users: [] });
    await node.broker.publish('app/c/a', text('hello'));
    expect(await node.deliveries.nextText()).toBe('app/c/a hello');
    expect(await node.tracker.listCounted('app', '')).toEqual(new Map());
  });

  test('stops with topics still listened to, and publishes nothing from then on', async () => {
    await using node = await startNode(redis.settings());
    await node.broker.subscribe('app/c/a');
    await node.stop();
    await expect(node.broker.publish('app/c/a', text('late'))).rejects.toMatchObject({ status: 503 });
  });
});
