// What every tracker does: each change is one step, and exactly one caller learns that it was the first or the last.
import { describe, expect, test } from 'vitest';
import type { Join, Leave, Member, Tracker } from '../../../src/core/ports.ts';
import { textFrame } from '../../../src/protocol/frame.ts';
import { awkwardTexts, Deliveries, type MakeCluster } from './cluster.ts';

const APP = 'app';
const ROOM = 'presence-room';
const TOPIC = 'app/c/presence-room';

function announce(text: string, topic = TOPIC) {
  return { topic, frame: textFrame(text) };
}

/** A join of a channel without presence, or the leave. */
function join(channel: string, socketId: string, appId = APP): Join & Leave {
  return { appId, channel, socketId, users: [] };
}

/** A join of the presence channel, announced as `+user`. */
function arrive(userId: string, socketId: string, { info = 'null', limit = 100, appId = APP } = {}): Join {
  const presence = { member: { userId, info }, limit, announce: announce(`+${userId}`, `${appId}/c/${ROOM}`) };
  return { appId, channel: ROOM, socketId, users: [userId], presence };
}

/** A leave of the presence channel, announced as `-user`. */
function depart(userId: string, socketId: string): Leave {
  return { appId: APP, channel: ROOM, socketId, presence: { userId, announce: announce(`-${userId}`) } };
}

/** No order is promised. */
function byId(members: readonly Member[]): Member[] {
  return [...members].sort((a, b) => (a.userId < b.userId ? -1 : 1));
}

const idsOf = (members: readonly Member[]) => byId(members).map(({ userId }) => userId);

export function trackerContract(name: string, make: MakeCluster): void {
  /** Runs with two trackers of one cluster and the deliveries of the first's node, which listens to the room. */
  async function run(body: (a: Tracker, b: Tracker, deliveries: Deliveries) => Promise<void>): Promise<void> {
    const deliveries = new Deliveries();
    await using cluster = await make(deliveries.deliver);
    await cluster.node.broker.subscribe(TOPIC);
    await body(cluster.node.tracker, cluster.other.tracker, deliveries);
  }

  describe(`${name}: tracker, connections`, () => {
    test('knows which are open, wherever they are, and lists them page by page', () =>
      run(async (a, b) => {
        expect(await a.connections(APP, 10, undefined)).toEqual({ socketIds: [], next: undefined });
        const socketIds = Array.from({ length: 300 }, (_, index) => `${index}.1`);
        for (const [index, id] of socketIds.entries()) await (index % 2 === 0 ? a : b).connect(APP, id, 0);
        await a.connect('other', '1.2', 0);
        const seen = new Set<string>();
        let cursor: string | undefined;
        do {
          const page = await b.connections(APP, 50, cursor);
          for (const id of page.socketIds) seen.add(id);
          cursor = page.next;
        } while (cursor !== undefined);
        expect([...seen].sort()).toEqual([...socketIds].sort());
        expect(await a.isConnected(APP, '1.1')).toBe(true);
        await b.disconnect(APP, '1.1');
        expect(await a.isConnected(APP, '1.1')).toBe(false);
        expect(await a.isConnected('nobody', '1.1')).toBe(false);
      }));

    test('counts the open connections of an app', () =>
      run(async (a, b) => {
        expect(await a.connectionCount(APP)).toBe(0);
        expect(await a.connect(APP, '1.1', 0)).toEqual({ admitted: true });
        expect(await b.connect(APP, '2.2', 0)).toEqual({ admitted: true });
        expect(await b.connect('other', '3.3', 0)).toEqual({ admitted: true });
        expect(await a.connectionCount(APP)).toBe(2);
        await a.disconnect(APP, '1.1');
        expect(await b.connectionCount(APP)).toBe(1);
        await b.disconnect(APP, '2.2');
        expect(await a.connectionCount(APP)).toBe(0);
        expect(await a.connectionCount('other')).toBe(1);
      }));

    test('admits up to the limit, and again when somebody has gone', () =>
      run(async (a, b) => {
        expect(await a.connect(APP, '1.1', 2)).toEqual({ admitted: true });
        expect(await b.connect(APP, '2.2', 2)).toEqual({ admitted: true });
        expect(await a.connect(APP, '3.3', 2)).toEqual({ admitted: false });
        expect(await a.connectionCount(APP)).toBe(2);
        await b.disconnect(APP, '2.2');
        expect(await a.connect(APP, '3.3', 2)).toEqual({ admitted: true });
      }));

    test('admits no more than the limit of those who come at once', () =>
      run(async (a, b) => {
        const sockets = Array.from({ length: 30 }, (_, index) => `${index}.1`);
        const answers = await Promise.all(sockets.map((id, index) => (index % 2 ? a : b).connect(APP, id, 7)));
        expect(answers.filter(({ admitted }) => admitted)).toHaveLength(7);
        expect(await a.connectionCount(APP)).toBe(7);
      }));
  });

  describe(`${name}: tracker, channels`, () => {
    test('tells the first join and the last leave of a channel from the others', () =>
      run(async (a, b) => {
        const plain = { memberAdded: false, members: [] };
        expect(await a.join(join('room', '1.1'))).toEqual({ ...plain, occupied: true, subscriptionCount: 1 });
        expect(await b.join(join('room', '2.2'))).toEqual({ ...plain, occupied: false, subscriptionCount: 2 });
        const stays = { memberRemoved: false, vacated: false, subscriptionCount: 1 };
        expect(await a.leave(join('room', '1.1'))).toEqual(stays);
        expect(await b.leave(join('room', '2.2'))).toEqual({ ...stays, vacated: true, subscriptionCount: 0 });
        expect(await b.join(join('room', '2.2'))).toEqual({ ...plain, occupied: true, subscriptionCount: 1 });
      }));

    test('lets exactly one of many concurrent changes be the first, and one the last', () =>
      run(async (a, b) => {
        const joins = Array.from({ length: 20 }, (_, index) => join('room', `${index}.1`));
        const joined = await Promise.all(joins.map((change, index) => (index % 2 ? a : b).join(change)));
        expect(joined.filter((answer) => answer.refused === undefined && answer.occupied)).toHaveLength(1);
        const left = await Promise.all(joins.map((change, index) => (index % 2 ? a : b).leave(change)));
        expect(left.filter(({ vacated }) => vacated)).toHaveLength(1);
        expect(await a.listCounted(APP, '')).toEqual(new Map());
      }));

    test('answers a leave of a channel nobody is on with nothing', () =>
      run(async (a) => {
        expect(await a.leave(join('room', '1.1'))).toEqual({
          memberRemoved: false,
          vacated: false,
          subscriptionCount: 0,
        });
        expect(await a.leave(depart('7', '1.1'))).toMatchObject({ memberRemoved: false, vacated: false });
      }));

    test('counts channels in the order asked, with zeros where nobody is', () =>
      run(async (a, b) => {
        await a.join(join('room', '1.1'));
        await b.join(join('room', '2.2'));
        await b.join(arrive('7', '1.1'));
        await b.join(arrive('7', '2.2'));
        await b.join(arrive('8', '3.3'));
        const nobody = { subscriptionCount: 0, userCount: 0 };
        const room = { subscriptionCount: 2, userCount: 0 };
        const presence = { subscriptionCount: 3, userCount: 2 };
        expect(await a.counts(APP, ['empty', ROOM, 'room', ROOM])).toEqual([nobody, presence, room, presence]);
        expect(await a.counts(APP, [])).toEqual([]);
        expect(await a.counts('other', ['room'])).toEqual([nobody]);
      }));

    test('lists occupied channels by prefix, of one app', () =>
      run(async (a, b) => {
        for (const channel of ['room-1', 'room-2', 'Room-3', 'broom-4']) await a.join(join(channel, '1.1'));
        await b.join(join('room-2', '2.2'));
        await b.join(join('room-5', '3.3', 'other'));
        await b.join(join('room-6', '2.2'));
        await b.leave(join('room-6', '2.2'));
        const one = { subscriptionCount: 1, userCount: 0 };
        const two = { subscriptionCount: 2, userCount: 0 };
        expect(await a.listCounted(APP, 'room-')).toEqual(
          new Map([
            ['room-1', one],
            ['room-2', two],
          ]),
        );
        expect([...(await a.listCounted(APP, '')).keys()].sort()).toEqual(['Room-3', 'broom-4', 'room-1', 'room-2']);
        expect(await a.listCounted(APP, 'room-5')).toEqual(new Map());
        expect([...(await b.list(APP, 'room-'))].sort()).toEqual(['room-1', 'room-2']);
        expect(await b.list(APP, 'room-5')).toEqual([]);
      }));

    test('takes a prefix literally', () =>
      run(async (a) => {
        for (const channel of ['*', 'a*c', 'abc', '[ab]c', 'a?c', 'a\\c']) await a.join(join(channel, '1.1'));
        expect([...(await a.listCounted(APP, '*')).keys()]).toEqual(['*']);
        expect([...(await a.listCounted(APP, 'a*')).keys()]).toEqual(['a*c']);
        expect([...(await a.listCounted(APP, 'a?')).keys()]).toEqual(['a?c']);
        expect([...(await a.listCounted(APP, '[ab]')).keys()]).toEqual(['[ab]c']);
        expect([...(await a.listCounted(APP, 'a\\')).keys()]).toEqual(['a\\c']);
      }));

    test('lists more channels than are looked at in one go, each once', () =>
      run(async (a) => {
        const names = Array.from({ length: 2500 }, (_, index) => `room-${index}`);
        await Promise.all(names.map((channel) => a.join(join(channel, '1.1'))));
        expect([...(await a.list(APP, 'room-'))].sort()).toEqual([...names].sort());
        expect([...(await a.listCounted(APP, '')).keys()].sort()).toEqual([...names].sort());
      }));

    test('keeps apps apart whose ids and channels run together to the same text', () =>
      run(async (a) => {
        await a.join(join('c', '1.1', 'a.b'));
        expect(await a.join(join('b.c', '2.2', 'a'))).toMatchObject({ occupied: true, subscriptionCount: 1 });
        expect(await a.counts('a.b.c', [''])).toEqual([{ subscriptionCount: 0, userCount: 0 }]);
      }));

    test.each(awkwardTexts)('takes any channel name as mere text: %j', (channel) =>
      run(async (a, b) => {
        expect(await a.join(join(channel, '1.1'))).toMatchObject({ occupied: true });
        expect([...(await b.listCounted(APP, channel)).keys()]).toEqual([channel]);
        expect(await b.list(APP, channel)).toEqual([channel]);
        expect(await b.counts(APP, [channel])).toEqual([{ subscriptionCount: 1, userCount: 0 }]);
        expect(await a.leave(join(channel, '1.1'))).toMatchObject({ vacated: true });
      }),
    );
  });

  describe(`${name}: tracker, presence`, () => {
    test('adds a member with the first connection of the user and removes it with the last', () =>
      run(async (a, b) => {
        expect(await a.join(arrive('7', '1.1'))).toMatchObject({ memberAdded: true, occupied: true });
        expect(await b.join(arrive('7', '2.2'))).toMatchObject({ memberAdded: false, subscriptionCount: 2 });
        expect(await a.leave(depart('7', '1.1'))).toEqual({
          memberRemoved: false,
          vacated: false,
          subscriptionCount: 1,
        });
        expect(await a.members(APP, ROOM)).toEqual([{ userId: '7', info: 'null' }]);
        expect(await b.leave(depart('7', '2.2'))).toEqual({ memberRemoved: true, vacated: true, subscriptionCount: 0 });
        expect(await a.members(APP, ROOM)).toEqual([]);
      }));

    test('answers a join with everyone who is here, the joiner included', () =>
      run(async (a, b) => {
        await a.join(arrive('7', '1.1', { info: '{"name":"A"}' }));
        const joined = await b.join(arrive('9', '2.2', { info: '{"name":"B"}' }));
        expect(joined.refused !== undefined ? [] : byId(joined.members)).toEqual([
          { userId: '7', info: '{"name":"A"}' },
          { userId: '9', info: '{"name":"B"}' },
        ]);
        expect(byId(await a.members(APP, ROOM))).toHaveLength(2);
      }));

    test('lets the info of the first connection stand until the user has left completely', () =>
      run(async (a, b) => {
        await a.join(arrive('7', '1.1', { info: '"first"' }));
        expect(await b.join(arrive('7', '2.2', { info: '"second"' }))).toMatchObject({
          members: [{ userId: '7', info: '"first"' }],
        });
        await a.leave(depart('7', '1.1'));
        expect(await b.members(APP, ROOM)).toEqual([{ userId: '7', info: '"first"' }]);
        await b.leave(depart('7', '2.2'));
        await b.join(arrive('7', '3.3', { info: '"third"' }));
        expect(await a.members(APP, ROOM)).toEqual([{ userId: '7', info: '"third"' }]);
      }));

    test('refuses a user above the limit and changes nothing, but admits another connection of a present one', () =>
      run(async (a, b) => {
        await a.join(arrive('7', '1.1', { limit: 2 }));
        await b.join(arrive('8', '2.2', { limit: 2 }));
        expect(await a.join(arrive('9', '3.3', { limit: 2 }))).toEqual({ refused: 'full' });
        expect(await a.counts(APP, [ROOM])).toEqual([{ subscriptionCount: 2, userCount: 2 }]);
        expect(idsOf(await b.members(APP, ROOM))).toEqual(['7', '8']);
        expect(await b.join(arrive('7', '4.4', { limit: 2 }))).toMatchObject({ memberAdded: false });
        await b.leave(depart('8', '2.2'));
        expect(await a.join(arrive('9', '3.3', { limit: 2 }))).toMatchObject({ memberAdded: true });
      }));

    test('admits no more users than the limit of those who come at once', () =>
      run(async (a, b) => {
        const joins = Array.from({ length: 20 }, (_, index) => arrive(`u${index}`, `${index}.1`, { limit: 6 }));
        const answers = await Promise.all(joins.map((change, index) => (index % 2 ? a : b).join(change)));
        expect(answers.filter(({ refused }) => refused === undefined)).toHaveLength(6);
        expect(await a.counts(APP, [ROOM])).toEqual([{ subscriptionCount: 6, userCount: 6 }]);
      }));

    test('lets exactly one of a user’s concurrent connections be the first, and one the last', () =>
      run(async (a, b) => {
        const sockets = Array.from({ length: 20 }, (_, index) => `${index}.1`);
        const joined = await Promise.all(sockets.map((id, index) => (index % 2 ? a : b).join(arrive('7', id))));
        expect(joined.filter((answer) => answer.refused === undefined && answer.memberAdded)).toHaveLength(1);
        const left = await Promise.all(sockets.map((id, index) => (index % 2 ? a : b).leave(depart('7', id))));
        expect(left.filter(({ memberRemoved }) => memberRemoved)).toHaveLength(1);
        expect(left.filter(({ vacated }) => vacated)).toHaveLength(1);
      }));

    test('announces a member once, in the order of the changes, to all but the socket that caused it', () =>
      run(async (a, b, deliveries) => {
        await a.join(arrive('7', '1.1'));
        await b.join(arrive('7', '2.2'));
        await b.join(arrive('8', '3.3'));
        await a.leave(depart('7', '1.1'));
        await b.leave(depart('7', '2.2'));
        await a.join(arrive('7', '4.4'));
        expect(await deliveries.nextText()).toBe(`${TOPIC} +7 except 1.1`);
        expect(await deliveries.nextText()).toBe(`${TOPIC} +8 except 3.3`);
        expect(await deliveries.nextText()).toBe(`${TOPIC} -7 except 2.2`);
        expect(await deliveries.nextText()).toBe(`${TOPIC} +7 except 4.4`);
      }));

    test('does not announce a user who is refused', () =>
      run(async (a, b, deliveries) => {
        await a.join(arrive('7', '1.1', { limit: 1 }));
        await b.join(arrive('8', '2.2', { limit: 1 }));
        await a.leave(depart('7', '1.1'));
        expect(await deliveries.nextText()).toBe(`${TOPIC} +7 except 1.1`);
        expect(await deliveries.nextText()).toBe(`${TOPIC} -7 except 1.1`);
      }));

    test.each(awkwardTexts)('takes any user id and info as mere text: %j', (awkward) =>
      run(async (a, b, deliveries) => {
        const info = JSON.stringify({ [awkward]: awkward });
        expect(await a.join(arrive(awkward, '1.1', { info }))).toMatchObject({
          memberAdded: true,
          members: [{ userId: awkward, info }],
        });
        expect(await deliveries.nextText()).toBe(`${TOPIC} +${awkward} except 1.1`);
        expect(await b.members(APP, ROOM)).toEqual([{ userId: awkward, info }]);
        expect(await a.leave(depart(awkward, '1.1'))).toMatchObject({ memberRemoved: true });
      }),
    );
  });

  describe(`${name}: tracker, denials`, () => {
    const YEAR = 31_536_000;

    /** Not the exact second: real clocks run. */
    function expectSeconds(seconds: number, most: number): void {
      expect(Number.isInteger(seconds)).toBe(true);
      expect(seconds).toBeLessThanOrEqual(most);
      expect(seconds).toBeGreaterThan(most - 30);
    }

    test('refuse the user’s joins of that channel on every node, and change nothing', () =>
      run(async (a, b) => {
        await b.join(arrive('8', '2.2'));
        await a.deny(APP, ROOM, '7', 3600);
        for (const tracker of [a, b]) {
          const joined = await tracker.join(arrive('7', '1.1'));
          expect(joined.refused).toBe('denied');
          expectSeconds(joined.refused === 'denied' ? joined.seconds : 0, 3600);
          expectSeconds(await tracker.deniedSeconds(APP, ROOM, '7'), 3600);
        }
        expect(await a.counts(APP, [ROOM])).toEqual([{ subscriptionCount: 1, userCount: 1 }]);
        expect(idsOf(await b.members(APP, ROOM))).toEqual(['8']);
      }));

    test('count for the joiner and for the signed-in user, the longer one where both are denied', () =>
      run(async (a, b) => {
        await a.deny(APP, 'room', '7', 3600);
        await a.deny(APP, 'room', '8', YEAR);
        const room = join('room', '1.1');
        expect(await b.join({ ...room, users: ['7'] })).toMatchObject({ refused: 'denied' });
        expect(await b.join({ ...room, users: [undefined, '7'] })).toMatchObject({ refused: 'denied' });
        expect(await b.join({ ...room, users: ['9', '7'] })).toMatchObject({ refused: 'denied' });
        for (const users of [['7', '8'] as const, ['8', '7'] as const]) {
          const joined = await b.join({ ...room, users });
          expectSeconds(joined.refused === 'denied' ? joined.seconds : 0, YEAR);
        }
        expect(await b.join({ ...room, users: ['9', undefined] })).toMatchObject({ occupied: true });
      }));

    test('are of one app, channel and user', () =>
      run(async (a, b) => {
        await a.deny(APP, ROOM, '7', 3600);
        expect(await b.join(arrive('77', '1.1'))).toMatchObject({ memberAdded: true });
        expect(await b.join({ ...join('room', '1.1'), users: ['7'] })).toMatchObject({ occupied: true });
        expect(await b.join(arrive('7', '1.1', { appId: 'other' }))).toMatchObject({ memberAdded: true });
        expect(await b.deniedSeconds(APP, 'room', '7')).toBe(0);
        expect(await b.deniedSeconds(APP, ROOM, '77')).toBe(0);
        expect(await b.deniedSeconds('other', ROOM, '7')).toBe(0);
      }));

    test('do not touch who is there, nor their leave', () =>
      run(async (a, b) => {
        await a.join(arrive('7', '1.1'));
        await b.deny(APP, ROOM, '7', 3600);
        expect(idsOf(await a.members(APP, ROOM))).toEqual(['7']);
        expect(await a.leave(depart('7', '1.1'))).toMatchObject({ memberRemoved: true, vacated: true });
      }));

    test('replace an earlier one, also by a shorter', () =>
      run(async (a, b) => {
        await a.deny(APP, ROOM, '7', YEAR);
        await b.deny(APP, ROOM, '7', 60);
        expectSeconds(await a.deniedSeconds(APP, ROOM, '7'), 60);
      }));

    test('keep channels and users apart whose names run together to the same text', () =>
      run(async (a, b) => {
        await a.deny(APP, 'a:b', 'c', 60);
        await a.deny(APP, 'x', '1:y', 60);
        expect(await b.deniedSeconds(APP, 'a', 'b:c')).toBe(0);
        expect(await b.deniedSeconds(APP, 'x:1', 'y')).toBe(0);
      }));

    test.each(awkwardTexts)('take any channel and user as mere text: %j', (awkward) =>
      run(async (a, b) => {
        expect(await b.deniedSeconds(APP, awkward, awkward)).toBe(0);
        await a.deny(APP, awkward, awkward, 60);
        expectSeconds(await b.deniedSeconds(APP, awkward, awkward), 60);
        expect(await b.join({ ...join(awkward, '1.1'), users: [awkward] })).toMatchObject({ refused: 'denied' });
      }),
    );
  });

  describe(`${name}: tracker, users`, () => {
    const online = (id: string) => announce(`online ${id}`);
    const offline = (id: string) => announce(`offline ${id}`);

    test('knows who has a signed-in connection, by app', () =>
      run(async (a, b) => {
        await a.signIn(APP, '7', '1.1', online('7'));
        await b.signIn(APP, '7', '2.2', online('7'));
        await b.signIn('other', '8', '3.3', announce('online 8', 'other/w/8'));
        expect(await b.online(APP, ['7', '8', '9'])).toEqual(new Set(['7']));
        await a.signOut(APP, '7', '1.1', offline('7'));
        expect(await a.online(APP, ['7'])).toEqual(new Set(['7']));
        await b.signOut(APP, '7', '2.2', offline('7'));
        expect(await a.online(APP, ['7'])).toEqual(new Set());
        expect(await a.online(APP, [])).toEqual(new Set());
        expect(await a.online('other', ['7', '8'])).toEqual(new Set(['8']));
      }));

    test('announces the first sign-in and the last sign-out, in order, to all but the socket that caused it', () =>
      run(async (a, b, deliveries) => {
        await a.signIn(APP, '7', '1.1', online('7'));
        await b.signIn(APP, '7', '2.2', online('7'));
        await a.signOut(APP, '7', '1.1', offline('7'));
        await b.signOut(APP, '7', '2.2', offline('7'));
        await a.signIn(APP, '7', '3.3', online('7'));
        expect(await deliveries.nextText()).toBe(`${TOPIC} online 7 except 1.1`);
        expect(await deliveries.nextText()).toBe(`${TOPIC} offline 7 except 2.2`);
        expect(await deliveries.nextText()).toBe(`${TOPIC} online 7 except 3.3`);
      }));

    test.each(awkwardTexts)('takes any user id as mere text: %j', (id) =>
      run(async (a, b) => {
        expect(await b.online(APP, [id])).toEqual(new Set());
        await a.signIn(APP, id, '1.1', online(id));
        expect(await b.online(APP, ['7', id])).toEqual(new Set([id]));
        await a.signOut(APP, id, '1.1', offline(id));
        expect(await a.online(APP, [id])).toEqual(new Set());
      }),
    );
  });

  describe(`${name}: tracker, its end`, () => {
    test('may be stopped twice', () =>
      run(async (a) => {
        await a.stop();
        await expect(a.stop()).resolves.toBe(undefined);
      }));
  });
}
