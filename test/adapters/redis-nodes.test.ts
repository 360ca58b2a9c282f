// Nodes of one cluster over Redis that die, stall, lose touch or find Redis empty: what they hold is right in the end,
// and every change is announced once.
import { afterAll, describe, expect, test, vi } from 'vitest';
import type { Join, Leave } from '../../src/core/ports.ts';
import { textFrame } from '../../src/protocol/frame.ts';
import { memberAdded, memberRemoved, watchlistEvents } from '../../src/protocol/server-message.ts';
import { openGate, startRedis } from '../support/redis.ts';
import { admin, keysOf, quick, startNode, type TestNode } from './support/redis-node.ts';

const redis = await startRedis();
afterAll(() => redis[Symbol.asyncDispose]());

const APP = 'app';
const ROOM = 'presence-room';
const TOPIC = 'app/c/presence-room';

function arrive(userId: string, socketId: string): Join {
  const announce = { topic: TOPIC, frame: memberAdded(ROOM, userId, `"${userId}"`) };
  return {
    appId: APP,
    channel: ROOM,
    socketId,
    users: [userId],
    presence: { member: { userId, info: `"${userId}"` }, limit: 9, announce },
  };
}

function depart(userId: string, socketId: string): Leave {
  const presence = { userId, announce: { topic: TOPIC, frame: memberRemoved(ROOM, userId) } };
  return { appId: APP, channel: ROOM, socketId, presence };
}

/** What a node was delivered so far, in order: everything published before this call, and nothing else. */
async function delivered({ broker, deliveries }: TestNode): Promise<string[]> {
  await broker.publish(TOPIC, { type: 'frame', frame: textFrame('marker') });
  const texts: string[] = [];
  for (;;) {
    const [, message] = await deliveries.next();
    const text = message.type === 'frame' ? message.frame.toString('latin1') : message.type;
    if (text.endsWith('marker')) return texts;
    texts.push(text);
  }
}

const added = (userId: string) => memberAdded(ROOM, userId, `"${userId}"`).toString('latin1');
const removed = (userId: string) => memberRemoved(ROOM, userId).toString('latin1');
const REMOVED_ALL = 'removed what a node left behind';
const GONE = 'a node is gone without leaving';
const REGISTERED = 'registered in Redis again';

describe('redis: a node that dies', () => {
  test('is removed by exactly one of the others: members, counts and sign-ins', async () => {
    const settings = redis.settings();
    await using gate = await openGate(redis);
    await using dying = await startNode({ ...settings, port: gate.port });
    await using alive = await startNode(settings);
    await using third = await startNode(settings);
    await alive.broker.subscribe(TOPIC);
    await alive.broker.subscribe('app/w/7');
    const announce = { topic: 'app/w/7', frame: textFrame('online') };
    await dying.tracker.connect(APP, '1.1', 0);
    await dying.tracker.join(arrive('7', '1.1'));
    await dying.tracker.join(arrive('8', '1.2'));
    await dying.tracker.join({ appId: APP, channel: 'room', socketId: '1.1', users: [] });
    await dying.tracker.signIn(APP, '7', '1.1', announce);
    await alive.tracker.join(arrive('8', '2.1'));
    expect(await delivered(alive)).toEqual([added('7'), added('8'), announce.frame.toString('latin1')]);

    const reaped = Promise.race([alive.log.next(REMOVED_ALL), third.log.next(REMOVED_ALL)]);
    await gate.close();
    expect(await reaped).toMatchObject({ entries: 5 });
    const offline = watchlistEvents([{ name: 'offline', user_ids: ['7'] }]).toString('latin1');
    expect((await delivered(alive)).sort()).toEqual([removed('7'), offline].sort());
    expect(await alive.tracker.members(APP, ROOM)).toEqual([{ userId: '8', info: '"8"' }]);
    expect(await third.tracker.listCounted(APP, '')).toEqual(new Map([[ROOM, { subscriptionCount: 1, userCount: 1 }]]));
    expect(await third.tracker.connectionCount(APP)).toBe(0);
    expect(await third.tracker.online(APP, ['7'])).toEqual(new Set());
    expect(alive.log.count(REMOVED_ALL) + third.log.count(REMOVED_ALL)).toBe(1);
    const departed = [...alive.departures, ...third.departures];
    expect(departed.map(({ channel, userId, left }) => [channel, userId, left.vacated, left.memberRemoved])).toEqual(
      expect.arrayContaining([
        [ROOM, '7', false, true],
        [ROOM, '8', false, false],
        ['room', undefined, true, false],
      ]),
    );
    expect(departed).toHaveLength(3);
  });

  test('loses only what nobody else holds by then: a user who came back meanwhile neither leaves nor joins', async () => {
    const settings = redis.settings();
    await using gate = await openGate(redis);
    await using dying = await startNode({ ...settings, port: gate.port });
    await using alive = await startNode(settings);
    await alive.broker.subscribe(TOPIC);
    await dying.tracker.join(arrive('7', '1.1'));
    expect(await delivered(alive)).toEqual([added('7')]);
    const reaped = alive.log.next(REMOVED_ALL);
    await gate.close();
    expect(await alive.tracker.join(arrive('7', '2.1'))).toMatchObject({ memberAdded: false });
    await reaped;
    expect(await delivered(alive)).toEqual([]);
    expect(await alive.tracker.counts(APP, [ROOM])).toEqual([{ subscriptionCount: 1, userCount: 1 }]);
  });
});

describe('redis: a node that is in doubt', () => {
  test('registers what it holds again when it was taken for dead', async () => {
    const settings = redis.settings();
    await using gate = await openGate(redis);
    await using stalled = await startNode({ ...settings, port: gate.port });
    await using alive = await startNode(settings);
    await alive.broker.subscribe(TOPIC);
    await stalled.tracker.connect(APP, '1.1', 0);
    await stalled.tracker.join(arrive('7', '1.1'));
    const reaped = alive.log.next(REMOVED_ALL);
    await gate.close();
    await reaped;
    expect(await delivered(alive)).toEqual([added('7'), removed('7')]);

    const registered = stalled.log.next(REGISTERED);
    await gate.open();
    expect(await registered).toMatchObject({ registered: 2 });
    expect(await delivered(alive)).toEqual([added('7')]);
    expect(await alive.tracker.connectionCount(APP)).toBe(1);
    const joined = { occupied: true, memberAdded: true, subscriptionCount: 1 };
    expect(stalled.returns).toEqual([
      { appId: APP, channel: ROOM, userId: '7', joined: expect.objectContaining(joined) },
    ]);
    expect(await stalled.tracker.leave(depart('7', '1.1'))).toMatchObject({ memberRemoved: true, vacated: true });
    expect(await delivered(alive)).toEqual([removed('7')]);
  });

  test.each([
    ['of an app it served', APP],
    ['of another app', 'other'],
  ])('holds nothing more under its old id: a join %s is made under a new one', async (_, appId) => {
    const settings = redis.settings();
    // It is not heard of again, as if it stood still, and does not know.
    await using stalled = await startNode(settings, { ...quick, refreshMs: 60_000 });
    await using alive = await startNode(settings);
    await alive.broker.subscribe(TOPIC);
    await stalled.tracker.join(arrive('7', '1.1'));
    await alive.log.next(REMOVED_ALL);
    const registered = stalled.log.next(REGISTERED);
    expect(await stalled.tracker.join({ ...arrive('8', '1.2'), appId })).toMatchObject({ memberAdded: true });
    const { nodeId } = await registered;
    expect((await delivered(alive)).sort()).toEqual([added('7'), added('8'), added('7'), removed('7')].sort());
    const ids = (await keysOf(redis, settings)).flatMap((key) => /:held:(.*)$/.exec(key)?.[1] ?? []);
    expect(new Set(ids)).toEqual(new Set([nodeId]));
  });

  test('ends what another node is ending already without a second announcement', async () => {
    const settings = redis.settings();
    await using stalled = await startNode(settings, { ...quick, refreshMs: 60_000 });
    await using alive = await startNode(settings);
    await alive.broker.subscribe(TOPIC);
    await stalled.tracker.join(arrive('7', '1.1'));
    await alive.log.next(REMOVED_ALL);
    expect(await stalled.tracker.leave(depart('7', '1.1'))).toMatchObject({ memberRemoved: false, vacated: false });
    expect(await delivered(alive)).toEqual([added('7'), removed('7')]);
  });

  test('registers it again also where the user may not join any more: they leave when they are told to', async () => {
    const settings = redis.settings();
    await using gate = await openGate(redis);
    await using stalled = await startNode({ ...settings, port: gate.port });
    await using alive = await startNode(settings);
    await stalled.tracker.join(arrive('7', '1.1'));
    const reaped = alive.log.next(REMOVED_ALL);
    await gate.close();
    await reaped;
    await alive.tracker.deny(APP, ROOM, '7', 3600);
    const registered = stalled.log.next(REGISTERED);
    await gate.open();
    await registered;
    expect(await alive.tracker.members(APP, ROOM)).toEqual([{ userId: '7', info: '"7"' }]);
    expect(await alive.tracker.join(arrive('7', '2.1'))).toMatchObject({ refused: 'denied' });
    expect(await stalled.tracker.leave(depart('7', '1.1'))).toMatchObject({ memberRemoved: true, vacated: true });
  });

  test('does not register a join that was denied', async () => {
    const settings = redis.settings();
    await using node = await startNode(settings);
    await node.tracker.deny(APP, ROOM, '7', 3600);
    await node.tracker.connect(APP, '1.1', 0);
    await node.tracker.join(arrive('7', '1.1'));
    const registered = node.log.next(REGISTERED);
    using connection = admin(redis);
    await connection.flushall();
    expect(await registered).toMatchObject({ registered: 1 });
    expect(await node.tracker.members(APP, ROOM)).toEqual([]);
  });

  test('makes good for a leave that could not reach Redis', async () => {
    const settings = redis.settings();
    await using gate = await openGate(redis);
    await using node = await startNode({ ...settings, port: gate.port }, { leaseMs: 60_000, refreshMs: 100 });
    await using other = await startNode(settings);
    await other.broker.subscribe(TOPIC);
    await node.tracker.join(arrive('7', '1.1'));
    await node.tracker.join(arrive('8', '1.2'));
    await gate.close();
    await expect(node.tracker.leave(depart('7', '1.1'))).rejects.toMatchObject({ status: 503 });
    await expect(node.tracker.join(arrive('9', '1.3'))).rejects.toMatchObject({ status: 503 });
    const madeGood = node.log.next(REMOVED_ALL);
    await gate.open();
    await madeGood;
    expect(await delivered(other)).toEqual([added('7'), added('8'), removed('7')]);
    expect(await other.tracker.members(APP, ROOM)).toEqual([{ userId: '8', info: '"8"' }]);
    expect(await other.tracker.counts(APP, [ROOM])).toEqual([{ subscriptionCount: 1, userCount: 1 }]);
  });

  test('registers what it holds again when Redis has lost everything', async () => {
    const settings = redis.settings();
    await using node = await startNode(settings);
    await using other = await startNode(settings);
    await node.tracker.connect(APP, '1.1', 0);
    await node.tracker.join(arrive('7', '1.1'));
    await node.tracker.join(arrive('7', '1.2'));
    await other.tracker.join(arrive('8', '2.1'));
    await other.tracker.signIn(APP, '8', '2.1', { topic: 'app/w/8', frame: textFrame('online') });
    const registered = Promise.all([node.log.next(REGISTERED), other.log.next(REGISTERED)]);
    using connection = admin(redis);
    await connection.flushall();
    await registered;
    expect(await node.tracker.counts(APP, [ROOM])).toEqual([{ subscriptionCount: 3, userCount: 2 }]);
    expect(await other.tracker.connectionCount(APP)).toBe(1);
    expect(await node.tracker.online(APP, ['8'])).toEqual(new Set(['8']));
    expect(await node.tracker.leave(depart('7', '1.1'))).toMatchObject({ memberRemoved: false });
    expect(await node.tracker.leave(depart('7', '1.2'))).toMatchObject({ memberRemoved: true });
  });
});

describe('redis: a pause of Redis itself', () => {
  test('lets no node take another for dead: all of them could not be heard of', async () => {
    const settings = redis.settings();
    await using node = await startNode(settings);
    await using other = await startNode(settings);
    await node.tracker.join(arrive('7', '1.1'));
    await other.tracker.join(arrive('8', '2.1'));
    using connection = admin(redis);
    const [nodes, heard] = [`${settings.prefix}{cluster}:nodes`, `${settings.prefix}{cluster}:heard`];
    const ids = await connection.zrange(nodes, '0', '-1');
    expect(ids).toHaveLength(2);
    await connection
      .multi()
      .set(heard, '1')
      .zadd(nodes, '1', ids[0] ?? '', '1', ids[1] ?? '')
      .exec();
    await vi.waitUntil(async () => Number(await connection.get(heard)) > 1);
    expect((await connection.zrange(nodes, '0', '-1')).sort()).toEqual(ids.sort());
    expect(await node.tracker.counts(APP, [ROOM])).toEqual([{ subscriptionCount: 2, userCount: 2 }]);
    expect(node.log.count(GONE) + other.log.count(GONE)).toBe(0);
  });
});

describe('redis: what is left in Redis', () => {
  test('are leases when everybody has left, and nothing when the nodes have stopped', async () => {
    const settings = redis.settings();
    await using node = await startNode(settings);
    await using other = await startNode(settings);
    await node.tracker.connect(APP, '1.1', 0);
    await node.tracker.join(arrive('7', '1.1'));
    await node.tracker.signIn(APP, '7', '1.1', { topic: 'app/w/7', frame: textFrame('online') });
    await node.tracker.leave(depart('7', '1.1'));
    await node.tracker.signOut(APP, '7', '1.1', { topic: 'app/w/7', frame: textFrame('offline') });
    await node.tracker.disconnect(APP, '1.1');
    const keys = await keysOf(redis, settings);
    const leases = ['{cluster}:began', '{cluster}:heard', '{cluster}:nodes'];
    expect(keys.filter((key) => !/^\{cluster\}:apps:|:held:/.test(key))).toEqual(leases);
    // The register of each app a node served stays, empty but for its mark.
    const registers = keys.filter((key) => key.includes(':held:'));
    using connection = admin(redis);
    for (const key of registers) expect(await connection.smembers(settings.prefix + key)).toEqual(['']);
    expect(registers).toHaveLength(1);
    await node.stop();
    await other.stop();
    expect(await keysOf(redis, settings)).toEqual([]);
  });

  test('is nothing of a node that stops while it still holds something: it leaves, and says so', async () => {
    const settings = redis.settings();
    await using node = await startNode(settings);
    await using other = await startNode(settings);
    await other.broker.subscribe(TOPIC);
    await node.tracker.join(arrive('7', '1.1'));
    await node.stop();
    expect(await delivered(other)).toEqual([added('7'), removed('7')]);
    expect(await other.tracker.members(APP, ROOM)).toEqual([]);
  });
});
