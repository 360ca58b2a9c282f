// What is theirs alone who share a primary's memory: a worker's end, the primary's, and what crosses between the two.
import { describe, expect, test } from 'vitest';
import { ipcAdapters } from '../../src/adapters/ipc/adapters.ts';
import { errorOf, failureOf } from '../../src/adapters/ipc/messages.ts';
import { Hub } from '../../src/core/hub.ts';
import type { Join, Leave } from '../../src/core/ports.ts';
import { Subscription } from '../../src/core/subscription.ts';
import { channelTopic, watchersTopic } from '../../src/core/topics.ts';
import { RequestError } from '../../src/protocol/errors.ts';
import { textFrame } from '../../src/protocol/frame.ts';
import { memberAdded, memberRemoved, watchlistEvents } from '../../src/protocol/server-message.ts';
import { channelPair, startPrimary, type TestWorker } from './support/ipc-worker.ts';

const APP = 'app';
const ROOM = 'presence-room';
const TOPIC = channelTopic(APP, ROOM);
const VACATED = { vacated: true, subscriptionCount: 0, memberRemoved: false };

function arrive(userId: string, socketId: string): Join {
  const announce = { topic: TOPIC, frame: memberAdded(ROOM, userId, 'null') };
  const presence = { member: { userId, info: 'null' }, limit: 100, announce };
  return { appId: APP, channel: ROOM, socketId, users: [userId], presence };
}

const plain = (channel: string, socketId: string): Join & Leave => ({ appId: APP, channel, socketId, users: [] });

const online = (id: string, name: 'online' | 'offline' = 'online') => ({
  topic: watchersTopic(APP, id),
  frame: watchlistEvents([{ name, user_ids: [id] }]),
});

const frame = (text: string) => ({ type: 'frame', frame: textFrame(text) }) as const;

/** Everything that crossed to a worker, of one type. */
const crossed = ({ primarySide }: TestWorker, type: string) =>
  primarySide.sent.flat().filter((message) => message.type === type);

/** Answered after everything the primary was asked before, and after what it passed on before. */
const settled = ({ tracker }: TestWorker) => tracker.connectionCount(APP);

/** Resolves when the worker's deliveries of a topic are through: with all of them. */
async function delivered(worker: TestWorker, topic: string): Promise<Buffer[]> {
  const end = frame('the end');
  await worker.broker.publish(topic, end);
  const frames: Buffer[] = [];
  for (;;) {
    const [, message] = await worker.deliveries.next();
    if (message.type !== 'frame') throw new Error(message.type);
    if (message.frame.equals(end.frame)) return frames;
    frames.push(message.frame);
  }
}

describe('a worker that dies', () => {
  test('has its connections, subscriptions, members and sign-ins removed, each announced once', async () => {
    await using primary = await startPrimary();
    const [doomed, survivor] = [await primary.worker(), await primary.worker()];
    const watchers = watchersTopic(APP, '7');
    await Promise.all([TOPIC, watchers].map((topic) => survivor.broker.subscribe(topic)));
    await doomed.tracker.connect(APP, '1.1', 0);
    await survivor.tracker.connect(APP, '2.2', 0);
    await doomed.tracker.join(arrive('7', '1.1'));
    await doomed.tracker.join(arrive('7', '1.2'));
    await doomed.tracker.join(plain('room', '1.1'));
    await survivor.tracker.join(plain('room', '2.2'));
    await doomed.tracker.signIn(APP, '7', '1.1', online('7'));
    await delivered(survivor, TOPIC);
    await delivered(survivor, watchers);
    await doomed.die();
    expect(await survivor.tracker.connectionCount(APP)).toBe(1);
    expect(await survivor.tracker.members(APP, ROOM)).toEqual([]);
    expect(await survivor.tracker.listCounted(APP, '')).toEqual(
      new Map([['room', { subscriptionCount: 1, userCount: 0 }]]),
    );
    expect(await survivor.tracker.online(APP, ['7'])).toEqual(new Set());
    expect(await delivered(survivor, TOPIC)).toEqual([memberRemoved(ROOM, '7'), online('7', 'offline').frame]);
    expect(primary.log.entries).toMatchObject([{ msg: 'removed what a worker left behind', entries: 5 }]);
  });

  test('takes nothing with it that it had given up itself', async () => {
    await using primary = await startPrimary();
    const [doomed, survivor] = [await primary.worker(), await primary.worker()];
    await survivor.tracker.connect(APP, '2.2', 0);
    await survivor.tracker.join(arrive('7', '2.2'));
    await survivor.tracker.signIn(APP, '7', '2.2', online('7'));
    await doomed.tracker.connect(APP, '1.1', 0);
    await doomed.tracker.join(arrive('7', '1.1'));
    await doomed.tracker.signIn(APP, '7', '1.1', online('7'));
    const presence = { userId: '7', announce: { topic: TOPIC, frame: memberRemoved(ROOM, '7') } };
    await doomed.tracker.leave({ ...plain(ROOM, '1.1'), presence });
    await doomed.tracker.signOut(APP, '7', '1.1', online('7', 'offline'));
    await doomed.tracker.disconnect(APP, '1.1');
    await doomed.die();
    expect(await survivor.tracker.connectionCount(APP)).toBe(1);
    expect(await survivor.tracker.counts(APP, [ROOM])).toEqual([{ subscriptionCount: 1, userCount: 1 }]);
    expect(await survivor.tracker.online(APP, ['7'])).toEqual(new Set(['7']));
    expect(survivor.departures).toEqual([]);
    expect(primary.log.entries).toEqual([]);
  });

  test('takes nothing with it that it was refused', async () => {
    await using primary = await startPrimary();
    const [doomed, survivor] = [await primary.worker(), await primary.worker()];
    await survivor.tracker.connect(APP, '2.2', 1);
    await survivor.tracker.join(arrive('7', '2.2'));
    await survivor.tracker.deny(APP, ROOM, '8', 60);
    expect(await doomed.tracker.connect(APP, '1.1', 1)).toEqual({ admitted: false });
    expect(await doomed.tracker.join(arrive('8', '1.1'))).toMatchObject({ refused: 'denied' });
    await doomed.die();
    expect(await survivor.tracker.connectionCount(APP)).toBe(1);
    expect(await survivor.tracker.counts(APP, [ROOM])).toEqual([{ subscriptionCount: 1, userCount: 1 }]);
  });

  test('leaves its users where they also are by another worker', async () => {
    await using primary = await startPrimary();
    const [doomed, survivor] = [await primary.worker(), await primary.worker()];
    await survivor.broker.subscribe(TOPIC);
    await doomed.tracker.join(arrive('7', '1.1'));
    await survivor.tracker.join(arrive('7', '2.2'));
    await delivered(survivor, TOPIC);
    await doomed.die();
    expect(await survivor.tracker.members(APP, ROOM)).toEqual([{ userId: '7', info: 'null' }]);
    expect(await delivered(survivor, TOPIC)).toEqual([]);
    expect(survivor.departures).toEqual([
      { appId: APP, channel: ROOM, userId: '7', left: { vacated: false, subscriptionCount: 1, memberRemoved: false } },
    ]);
  });

  test('has each of its subscriptions told to exactly one of those that are left', async () => {
    await using primary = await startPrimary();
    const [doomed, a, b] = [await primary.worker(), await primary.worker(), await primary.worker()];
    const channels = Array.from({ length: 20 }, (_, index) => `room-${index}`);
    for (const channel of channels) await doomed.tracker.join(plain(channel, '1.1'));
    await doomed.tracker.join(arrive('7', '1.1'));
    await doomed.die();
    await Promise.all([settled(a), settled(b)]);
    const told = [...a.departures, ...b.departures];
    expect(told).toEqual([
      ...channels.map((channel) => ({ appId: APP, channel, userId: undefined, left: VACATED })),
      { appId: APP, channel: ROOM, userId: '7', left: { ...VACATED, memberRemoved: true } },
    ]);
  });

  test('has its subscriptions kept for the next worker when none is left', async () => {
    await using primary = await startPrimary();
    const last = await primary.worker();
    await last.tracker.join(plain('room', '1.1'));
    await last.die();
    const [next, another] = [await primary.worker(), await primary.worker()];
    await Promise.all([settled(next), settled(another)]);
    expect(next.departures).toEqual([{ appId: APP, channel: 'room', userId: undefined, left: VACATED }]);
    expect(another.departures).toEqual([]);
  });

  test('is not survived, as far as its subscriptions go, by one that has stopped', async () => {
    await using primary = await startPrimary();
    const [stopped, doomed, survivor] = [await primary.worker(), await primary.worker(), await primary.worker()];
    await doomed.tracker.join(plain('room', '1.1'));
    await stopped.tracker.stop();
    await doomed.die();
    await Promise.all([settled(stopped), settled(survivor)]);
    expect(stopped.departures).toEqual([]);
    expect(survivor.departures).toHaveLength(1);
  });

  test('is sent nothing any more', async () => {
    await using primary = await startPrimary();
    const [doomed, survivor] = [await primary.worker(), await primary.worker()];
    await doomed.broker.subscribe(TOPIC);
    await doomed.die();
    const before = doomed.primarySide.sent.length;
    doomed.primarySide.other = doomed.channel;
    await survivor.broker.publish(TOPIC, frame('hello'));
    expect(doomed.primarySide.sent).toHaveLength(before);
  });

  test('has its topics listened to by those that still do', async () => {
    await using primary = await startPrimary();
    const [doomed, survivor] = [await primary.worker(), await primary.worker()];
    await Promise.all([doomed.broker.subscribe(TOPIC), survivor.broker.subscribe(TOPIC)]);
    await doomed.die();
    await settled(survivor);
    await survivor.broker.publish(TOPIC, frame('hello'));
    expect(await survivor.deliveries.nextText()).toBe(`${TOPIC} hello`);
  });
});

describe('between a worker and its primary', () => {
  test('a message crosses once to a worker that listens, however many sockets it has there, and to no other', async () => {
    await using primary = await startPrimary();
    let hub: Hub | undefined;
    const [many, none] = [await primary.worker((...delivery) => hub?.broadcast(...delivery)), await primary.worker()];
    hub = new Hub(many.broker);
    const sent: string[] = [];
    for (let socket = 0; socket < 50; socket += 1) {
      const recipient = {
        socketId: `${socket}.1`,
        send: () => sent.push(`${socket}`),
        end: () => {},
        revoke: () => {},
      };
      const subscription = new Subscription(recipient);
      await hub.add(TOPIC, subscription);
      subscription.release();
    }
    await none.broker.publish(TOPIC, frame('hello'));
    await settled(many);
    expect(sent).toHaveLength(50);
    expect(crossed(many, 'delivery')).toHaveLength(1);
    expect(crossed(none, 'delivery')).toEqual([]);
  });

  test('what is said in a turn of the event loop crosses together', async () => {
    await using primary = await startPrimary();
    const [a, b] = [await primary.worker(), await primary.worker()];
    await a.broker.subscribe(TOPIC);
    const [before, after] = [b.channel.sent.length, a.primarySide.sent.length];
    await Promise.all(Array.from({ length: 100 }, (_, number) => b.broker.publish(TOPIC, frame(`${number}`))));
    expect(b.channel.sent).toHaveLength(before + 1);
    expect(a.primarySide.sent).toHaveLength(after + 1);
  });

  test('an announcement tells whether a snapshot has it, as the two may come in either order', async () => {
    await using primary = await startPrimary();
    const [a, b] = [await primary.worker(), await primary.worker()];
    await b.broker.subscribe(TOPIC);
    await a.tracker.join(arrive('7', '1.1'));
    const joined = await b.tracker.join(arrive('8', '2.2'));
    await a.tracker.join(arrive('9', '3.3'));
    await settled(b);
    const changes = crossed(b, 'delivery').map(({ message }) => (message as { change?: number }).change ?? 0);
    expect(changes).toHaveLength(3);
    if (joined.refused !== undefined || joined.change === undefined) throw new Error('not joined');
    expect(changes.map((change) => change <= (joined.change ?? 0))).toEqual([true, true, false]);
  });

  test('a failure travels with its status and headers', () => {
    const sent = new RequestError(429, 'Too many requests.', { 'retry-after': '3' });
    const arrived = errorOf(structuredClone(failureOf(sent)));
    expect(arrived).toBeInstanceOf(RequestError);
    expect(arrived).toMatchObject({ status: 429, message: 'Too many requests.', headers: { 'retry-after': '3' } });
  });

  test('any other failure travels with its message', () => {
    for (const thrown of [new TypeError('a bug'), 'a bug']) {
      const arrived = errorOf(structuredClone(failureOf(thrown)));
      expect(arrived).toBeInstanceOf(Error);
      expect(arrived).not.toBeInstanceOf(RequestError);
      expect(arrived.message).toBe('a bug');
    }
  });

  test('what fails in the primary fails for the worker that asked, and the others are served', async () => {
    await using primary = await startPrimary();
    const [a, b] = [await primary.worker(), await primary.worker()];
    const failing = a.tracker.join({ appId: APP } as Join);
    await expect(failing).rejects.toThrow('undefined');
    expect(await b.tracker.connect(APP, '1.1', 0)).toEqual({ admitted: true });
    expect(primary.log.entries).toEqual([]);
  });

  test('what makes no sense is logged, and the others are served', async () => {
    await using primary = await startPrimary();
    const [a, b] = [await primary.worker(), await primary.worker()];
    a.channel.send([null]);
    await settled(a);
    expect(await b.tracker.connect(APP, '1.1', 0)).toEqual({ admitted: true });
    expect(primary.log.entries).toMatchObject([{ level: 50, msg: 'a worker was not served' }]);
  });

  test('nothing is delivered to a worker that has stopped, nor told to it', async () => {
    await using primary = await startPrimary();
    const [a, b] = [await primary.worker(), await primary.worker()];
    await a.broker.subscribe(TOPIC);
    await a.stop();
    const next = a.deliveries.next();
    await b.broker.publish(TOPIC, frame('lost'));
    await settled(a);
    expect(await Promise.race([next, 'nothing'])).toBe('nothing');
  });
});

describe('a primary that is gone', () => {
  /** A worker whose primary answers nothing, and then ends. */
  function orphan() {
    const [channel] = channelPair();
    return { adapters: ipcAdapters(channel), end: () => channel.end() };
  }
  const unavailable = { status: 503, headers: { 'retry-after': '2' } };

  test('fails the calls that wait for it, and those to come, with 503', async () => {
    const { adapters, end } = orphan();
    const { broker, tracker, eventCache, rateLimiter } = adapters;
    const calls = () => [
      broker.publish(TOPIC, frame('hello')),
      broker.subscribe(TOPIC),
      tracker.connect(APP, '1.1', 0),
      tracker.join(plain('room', '1.1')),
      tracker.signIn(APP, '7', '1.1', online('7')),
      eventCache.get(APP, 'cache-room'),
      rateLimiter.take('app/events', 1, 10),
    ];
    const waiting = calls().map((call) => expect(call).rejects.toMatchObject(unavailable));
    await end();
    await Promise.all(waiting);
    await Promise.all(calls().map((call) => expect(call).rejects.toMatchObject(unavailable)));
  });

  test('keeps nobody from leaving, nor from stopping', async () => {
    const { adapters, end } = orphan();
    const { broker, tracker } = adapters;
    const leave = () =>
      Promise.all([
        tracker.leave(plain('room', '1.1')),
        tracker.signOut(APP, '7', '1.1', online('7', 'offline')),
        tracker.disconnect(APP, '1.1'),
        tracker.stop(),
        broker.unsubscribe(TOPIC),
      ]);
    const nothing = { vacated: false, subscriptionCount: 0, memberRemoved: false };
    const waiting = leave();
    await end();
    expect(await waiting).toEqual([nothing, undefined, undefined, undefined, undefined]);
    expect(await leave()).toEqual([nothing, undefined, undefined, undefined, undefined]);
    await broker.stop();
  });

  test('is not taken for one that fails', async () => {
    await using primary = await startPrimary();
    const worker = await primary.worker();
    await expect(worker.tracker.leave(undefined as never)).rejects.toThrow('undefined');
  });
});
