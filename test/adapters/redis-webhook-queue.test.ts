// The webhook queue over Redis where something goes wrong between two steps: nodes that are killed, answers that are
// lost, streams that others meddled with, Redis away or empty. Nothing is lost for it.
import type { Redis } from 'ioredis';
import { afterAll, describe, expect, test } from 'vitest';
import { createKeys } from '../../src/adapters/redis/keys.ts';
import { CONSUMER, GROUP, WEBHOOK_KEEP_SECONDS } from '../../src/adapters/redis/scripts/webhook-stream.ts';
import type { RedisQueueOptions } from '../../src/adapters/redis/webhook-queue.ts';
import type { Entry, QueuedEvent, WebhookQueue } from '../../src/core/webhook-queue.ts';
import { openGate, type RedisSettings, startRedis } from '../support/redis.ts';
import { admin, keysOf, quick, startNode } from './support/redis-node.ts';

const redis = await startRedis();
afterAll(() => redis[Symbol.asyncDispose]());

const APP = 'app';
const LONG_MS = 60_000;
const SELDOM = { lookEveryMs: LONG_MS } as const;
const ALWAYS = { lookEveryMs: 0 } as const;

const start = (settings: RedisSettings, webhookQueue: Partial<RedisQueueOptions> = SELDOM) =>
  startNode(settings, { ...quick, webhookQueue });

const event = (id: string): QueuedEvent => ({ id, event: { name: 'channel_occupied', channel: 'a' }, atMs: 1 });
const idsOf = (entries: readonly { readonly id: string }[]) => entries.map(({ id }) => id);
const entryIdsOf = (entries: readonly Entry[]) => entries.map(({ entryId }) => entryId);

/** Delivers, and has read what there is: from now on it relies on what it is told. */
async function settle(queue: WebhookQueue): Promise<void> {
  expect(await queue.claim(LONG_MS)).toBe(true);
  expect(await queue.read('left', 100)).toEqual([]);
  expect(await queue.read('fresh', 100)).toEqual([]);
}

/** As a node does whose answer nobody gets. */
const giveAway = (connection: Redis, key: string) =>
  connection.xreadgroup('GROUP', GROUP, CONSUMER, 'COUNT', 1, 'STREAMS', key, '>');

async function pendingOf(connection: Redis, key: string): Promise<number> {
  const [pending] = await connection.xpending(key, GROUP);
  return Number(pending);
}

/** What is added to keys of the queue from now on, in order; waits for so many. */
async function watch(connection: Redis, { prefix }: RedisSettings, total: number): Promise<() => Promise<string[]>> {
  const monitor = await connection.monitor();
  const written: string[] = [];
  const all = new Promise((resolve) => {
    monitor.on('monitor', (_: string, [command = '', key = '']: string[]) => {
      if (!key.startsWith(prefix) || !key.includes('webhook') || !/^(zadd|sadd|xadd)$/i.test(command)) return;
      written.push(`${command} ${key.slice(prefix.length)}`.toLowerCase());
      if (written.length === total) resolve(undefined);
    });
  });
  return async () => {
    await all;
    monitor.disconnect();
    return written;
  };
}

const lostAndBack = ({ log }: Awaited<ReturnType<typeof startNode>>) => ({
  lost: log.next('the connection to Redis was lost'),
  back: log.next('registered in Redis again'),
});

describe('redis webhook queue: who reads', () => {
  test('reads the queue of one app, and of no other, for what that app missed', async () => {
    await using own = await startRedis();
    await using node = await startNode(own.settings(), { webhookQueue: SELDOM });
    using connection = admin(own);
    for (let app = 0; app < 10; app += 1) await node.webhookQueue.add(`${APP}${app}`, ['a', 'b'].map(event));
    await node.webhookQueue.claim(LONG_MS);
    expect(await node.webhookQueue.read('fresh', 10)).toHaveLength(20);
    await node.webhookQueue.reread('app3', 10, undefined);
    await connection.config('RESETSTAT');
    const { entries } = await node.webhookQueue.reread('app3', 10, undefined);
    expect(entries).toMatchObject([
      { appId: 'app3', id: 'a' },
      { appId: 'app3', id: 'b' },
    ]);
    const stats = await connection.info('commandstats');
    expect(stats).toMatch(/cmdstat_evalsha:calls=1,/);
    expect(stats).not.toMatch(/cmdstat_(zrange|zremrangebyscore|spop):/);
  });

  test('costs Redis one small command while there is nothing new', async () => {
    await using own = await startRedis();
    await using node = await startNode(own.settings(), { webhookQueue: SELDOM });
    using connection = admin(own);
    await node.webhookQueue.add(APP, [event('a')]);
    await node.webhookQueue.claim(LONG_MS);
    expect(await node.webhookQueue.read('fresh', 10)).toHaveLength(1);
    await node.webhookQueue.read('fresh', 10);
    await connection.config('RESETSTAT');
    for (let at = 0; at < 5; at += 1) expect(await node.webhookQueue.read('fresh', 10)).toEqual([]);
    const stats = await connection.info('commandstats');
    expect(stats).toMatch(/cmdstat_spop:calls=5,/);
    expect(stats).not.toMatch(/cmdstat_(xreadgroup|zrange|exists|ttl):/);
  });

  test('finds what a node queued that was killed before it told', async () => {
    const settings = redis.settings();
    await using node = await start(settings);
    await using reader = await start(settings, ALWAYS);
    await settle(reader.webhookQueue);
    using connection = admin(redis);
    const { webhookNews } = createKeys(settings.prefix, 0);
    await node.webhookQueue.add(APP, [event('a')]);
    // Answered after the news that the add has sent on the same connection.
    await node.link?.trouble();
    await connection.del(webhookNews);
    expect(idsOf(await reader.webhookQueue.read('fresh', 10))).toEqual(['a']);
  });

  test('could find an app before its first event was queued', async () => {
    const settings = redis.settings();
    await using node = await start(settings);
    using connection = admin(redis);
    const written = await watch(connection, settings, 8);
    await node.webhookQueue.add(APP, [event('a')]);
    await node.webhookQueue.add(APP, [event('b')]);
    const told = ['zadd {cluster}:webhook-apps', 'sadd {cluster}:webhook-news'];
    const queued = 'xadd {app}:webhook-queue';
    expect(await written()).toEqual([...told, queued, ...told, queued, ...told]);
  });

  test('looks at everything when it begins to deliver', async () => {
    const settings = redis.settings();
    await using node = await start(settings);
    await using reader = await start(settings);
    await settle(reader.webhookQueue);
    await reader.webhookQueue.release();
    await node.webhookQueue.add(APP, [event('a')]);
    await node.link?.trouble();
    using connection = admin(redis);
    await connection.del(createKeys(settings.prefix, 0).webhookNews);
    expect(await reader.webhookQueue.claim(LONG_MS)).toBe(true);
    expect(idsOf(await reader.webhookQueue.read('fresh', 10))).toEqual(['a']);
  });

  test.each([
    ['an app it was given something of', ['a']],
    ['an app it was given nothing of', []],
  ])('is given what nobody got as the answer was lost: of %s', async (_, before) => {
    const settings = redis.settings();
    await using node = await start(settings, ALWAYS);
    const queue = node.webhookQueue;
    await settle(queue);
    for (const id of before) await queue.add(APP, [event(id)]);
    expect(idsOf(await queue.read('fresh', 10))).toEqual(before);
    using connection = admin(redis);
    const key = createKeys(settings.prefix, 0).webhookQueue(APP);
    if (before.length === 0) await connection.xgroup('CREATE', key, GROUP, '0', 'MKSTREAM');
    await queue.add(APP, [event('b'), event('c'), event('d')]);
    await giveAway(connection, key);
    expect(idsOf(await queue.read('fresh', 2))).toEqual(['b', 'c']);
    expect(idsOf(await queue.read('fresh', 2))).toEqual(['d']);
    expect(await queue.read('fresh', 2)).toEqual([]);
    expect(idsOf(await queue.read('left', 10))).toEqual([...before, 'b', 'c', 'd']);
  });

  test('is given what nobody got also when it has read what was left again in between', async () => {
    const settings = redis.settings();
    await using node = await start(settings, ALWAYS);
    const queue = node.webhookQueue;
    await settle(queue);
    await queue.add(APP, [event('a'), event('b')]);
    const [first] = await queue.read('fresh', 1);
    using connection = admin(redis);
    await giveAway(connection, createKeys(settings.prefix, 0).webhookQueue(APP));
    const after = new Map([[APP, first?.entryId as string]]);
    expect(idsOf(await queue.read('left', 10, after))).toEqual(['b']);
    expect(idsOf(await queue.read('fresh', 10))).toEqual(['b']);
    expect(await queue.read('fresh', 10)).toEqual([]);
  });

  test('is given everything once when it is asked for again before the answer', async () => {
    await using node = await start(redis.settings());
    const queue = node.webhookQueue;
    await settle(queue);
    await queue.add(APP, ['a', 'b', 'c', 'd', 'e'].map(event));
    const pages = await Promise.all([queue.read('fresh', 2), queue.read('fresh', 2), queue.read('fresh', 2)]);
    expect(pages.map(idsOf)).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
  });

  test('is told of dead letters that are put back', async () => {
    await using node = await start(redis.settings());
    const queue = node.webhookQueue;
    await queue.add(APP, [event('a')]);
    await settleAnyway(queue);
    expect(idsOf(await queue.read('fresh', 10))).toEqual(['a']);
    expect(await queue.read('fresh', 10)).toEqual([]);
    await queue.bury(APP, [{ ...event('z'), endpoint: 'x', reason: 'y', attempts: 1, diedAtMs: 1 }]);
    expect(await queue.revive(APP, undefined)).toBe(1);
    expect(idsOf(await queue.read('fresh', 10))).toEqual(['z']);
  });

  test('reads the other apps where one cannot be read, which comes when it can', async () => {
    const settings = redis.settings();
    await using node = await start(settings);
    const queue = node.webhookQueue;
    await queue.add(APP, [event('a')]);
    await queue.add('broken', [event('b')]);
    await settleAnyway(queue);
    using connection = admin(redis);
    const key = createKeys(settings.prefix, 0).webhookQueue('broken');
    await connection.rename(key, `${key}:aside`);
    await connection.set(key, 'none of ours');
    await queue.add(APP, [event('c')]);
    expect(idsOf(await queue.read('fresh', 10))).toEqual(['a', 'c']);
    await expect(queue.read('fresh', 10)).rejects.toMatchObject({ status: 503 });
    await expect(queue.read('left', 10)).rejects.toMatchObject({ status: 503 });
    await connection.rename(`${key}:aside`, key);
    expect(idsOf(await queue.read('fresh', 10))).toEqual(['b']);
  });
});

/** Delivers, and has read nothing but what is left. */
async function settleAnyway(queue: WebhookQueue): Promise<void> {
  expect(await queue.claim(LONG_MS)).toBe(true);
  expect(await queue.read('left', 100)).toEqual([]);
}

describe('redis webhook queue: what others did to a stream', () => {
  test('that was trimmed by hand has the rest left, and nothing pending that is gone', async () => {
    const settings = redis.settings();
    await using node = await start(settings);
    const queue = node.webhookQueue;
    await settle(queue);
    await queue.add(APP, ['a', 'b', 'c', 'd', 'e'].map(event));
    expect(await queue.read('fresh', 10)).toHaveLength(5);
    using connection = admin(redis);
    const key = createKeys(settings.prefix, 0).webhookQueue(APP);
    await connection.xtrim(key, 'MAXLEN', 2);
    expect(await pendingOf(connection, key)).toBe(5);
    expect(idsOf(await queue.read('left', 1))).toEqual(['d']);
    expect(idsOf(await queue.read('left', 10))).toEqual(['d', 'e']);
    expect(await pendingOf(connection, key)).toBe(2);
  });

  test('that has no group any more is read from its start', async () => {
    const settings = redis.settings();
    await using node = await start(settings, ALWAYS);
    const queue = node.webhookQueue;
    await queue.add(APP, [event('a'), event('b')]);
    await queue.claim(LONG_MS);
    expect(await queue.read('fresh', 1)).toHaveLength(1);
    using connection = admin(redis);
    await connection.xgroup('DESTROY', createKeys(settings.prefix, 0).webhookQueue(APP), GROUP);
    expect(idsOf(await queue.read('fresh', 10))).toEqual(['a', 'b']);
  });

  test('with something that is no event is rid of it, and gives the events', async () => {
    const settings = redis.settings();
    await using node = await start(settings);
    const queue = node.webhookQueue;
    await settle(queue);
    using connection = admin(redis);
    const key = createKeys(settings.prefix, 0).webhookQueue(APP);
    await connection.xadd(key, '*', 'entry', 'no JSON');
    await connection.xadd(key, '*', 'entry', '{"id":7}');
    await queue.add(APP, [event('a')]);
    expect(idsOf(await queue.read('fresh', 2))).toEqual(['a']);
    expect(idsOf(await queue.read('left', 2))).toEqual(['a']);
    expect(await queue.sizes(APP)).toEqual({ waiting: 1, dead: 0 });
    expect(node.log.entries.filter(({ level }) => Number(level) >= 40)).toMatchObject([
      { msg: 'what is no webhook event was removed from the queue', appId: APP, entries: 2 },
    ]);
  });

  test('with something that is no event that was given says that there may be more behind it', async () => {
    const settings = redis.settings();
    await using node = await start(settings);
    using connection = admin(redis);
    const key = createKeys(settings.prefix, 0).webhookQueue(APP);
    await connection.xgroup('CREATE', key, GROUP, '0', 'MKSTREAM');
    await connection.xadd(key, '*', 'entry', 'no JSON');
    await node.webhookQueue.add(APP, [event('a')]);
    for (let at = 0; at < 2; at += 1) await giveAway(connection, key);
    await node.webhookQueue.claim(LONG_MS);
    const page = await node.webhookQueue.reread(APP, 2, undefined);
    expect([idsOf(page.entries), page.full]).toEqual([['a'], true]);
  });

  test('keeps what an event has that this version does not know', async () => {
    const settings = redis.settings();
    await using node = await start(settings);
    const later = { id: 'a', event: { name: 'of_tomorrow', channel: '', more: [1] }, atMs: 1 };
    await node.webhookQueue.add(APP, [later as unknown as QueuedEvent]);
    await node.webhookQueue.claim(LONG_MS);
    expect(await node.webhookQueue.read('fresh', 2)).toMatchObject([later]);
  });

  test('has dropped entries of its own not pending any more', async () => {
    const settings = redis.settings();
    await using node = await start(settings, { ...SELDOM, queuedEvents: 3 });
    const queue = node.webhookQueue;
    await settle(queue);
    await queue.add(APP, ['a', 'b', 'c'].map(event));
    const entries = await queue.read('fresh', 10);
    using connection = admin(redis);
    const key = createKeys(settings.prefix, 0).webhookQueue(APP);
    expect(await queue.add(APP, ['d', 'e'].map(event))).toBe(2);
    expect(await pendingOf(connection, key)).toBe(1);
    await queue.remove(APP, entryIdsOf(entries));
    expect(await pendingOf(connection, key)).toBe(0);
    expect(await queue.sizes(APP)).toEqual({ waiting: 2, dead: 0 });
  });
});

describe('redis webhook queue: Redis away', () => {
  test('refuses at once, and has everything once when it is back', async () => {
    const settings = redis.settings();
    await using gate = await openGate(redis);
    await using node = await start({ ...settings, port: gate.port });
    const queue = node.webhookQueue;
    await settle(queue);
    await queue.add(APP, [event('a'), event('b')]);
    expect(await queue.read('fresh', 1)).toHaveLength(1);
    const { lost, back } = lostAndBack(node);
    await gate.close();
    await lost;
    const letter = { ...event('z'), endpoint: 'x', reason: 'y', attempts: 1, diedAtMs: 1 };
    const calls = [
      () => queue.add(APP, [event('c')]),
      () => queue.claim(LONG_MS),
      () => queue.read('fresh', 10),
      () => queue.read('left', 10),
      () => queue.remove(APP, ['1-1']),
      () => queue.bury(APP, [letter]),
      () => queue.deadLetters(APP, 10),
      () => queue.revive(APP, undefined),
      () => queue.revive(APP, ['1-1']),
      () => queue.revive(APP, undefined, ['x']),
      () => queue.record(APP, [{ endpoint: 'x', startedAtMs: 1, durationMs: 1, events: 1, ids: ['a'], attempt: 1 }]),
      () => queue.deliveries(APP),
      () => queue.sizes(APP),
      () => queue.release(),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject({ status: 503 });
    await gate.open();
    await back;
    expect(await queue.claim(LONG_MS)).toBe(true);
    expect(idsOf(await queue.read('left', 10))).toEqual(['a']);
    await queue.add(APP, [event('c')]);
    expect(idsOf(await queue.read('fresh', 10))).toEqual(['b', 'c']);
    expect(await queue.read('fresh', 10)).toEqual([]);
    expect(await queue.sizes(APP)).toEqual({ waiting: 3, dead: 0 });
  });

  test('looks at everything when it is back: what it was told of may be lost', async () => {
    const settings = redis.settings();
    await using gate = await openGate(redis);
    await using reader = await start({ ...settings, port: gate.port });
    await using node = await start(settings);
    await settle(reader.webhookQueue);
    const { lost, back } = lostAndBack(reader);
    await gate.close();
    await lost;
    await node.webhookQueue.add(APP, [event('a')]);
    await node.link?.trouble();
    using connection = admin(redis);
    await connection.del(createKeys(settings.prefix, 0).webhookNews);
    await gate.open();
    await back;
    expect(idsOf(await reader.webhookQueue.read('fresh', 10))).toEqual(['a']);
  });

  test('goes on with a Redis that is empty: other nodes find what is queued then', async () => {
    await using own = await startRedis();
    const settings = own.settings();
    await using node = await start(settings);
    await using reader = await start(settings);
    await settle(reader.webhookQueue);
    await node.webhookQueue.add(APP, [event('a')]);
    const waits = [lostAndBack(node), lostAndBack(reader)];
    await own.kill();
    await Promise.all(waits.map(({ lost }) => lost));
    await own.start();
    await Promise.all(waits.map(({ back }) => back));
    using connection = admin(own);
    const written = await watch(connection, settings, 3);
    await node.webhookQueue.add(APP, [event('b')]);
    // Listed first, as it was before.
    expect((await written())[0]).toBe('zadd {cluster}:webhook-apps');
    // Its lease is gone with the rest, which it is told once.
    expect(await reader.webhookQueue.claim(LONG_MS)).toBe(false);
    expect(await reader.webhookQueue.claim(LONG_MS)).toBe(true);
    expect(idsOf(await reader.webhookQueue.read('fresh', 10))).toEqual(['b']);
  });
});

describe('redis webhook queue: how large it is', () => {
  test('is kept beside it, and is nothing when nothing is in it', async () => {
    const settings = redis.settings();
    await using node = await start(settings);
    const queue = node.webhookQueue;
    await settle(queue);
    using connection = admin(redis);
    const { webhookBytes, webhookQueue } = createKeys(settings.prefix, 0);
    const bytes = () => connection.hgetall(webhookBytes(APP));
    const letter = { ...event('a'), endpoint: 'x', reason: 'y', attempts: 1, diedAtMs: 1 };
    await queue.add(APP, [event('a'), event('b')]);
    const each = JSON.stringify(event('a')).length;
    expect(await bytes()).toEqual({ queue: String(2 * each) });
    const [first, second] = entryIdsOf(await queue.read('fresh', 10));
    await queue.remove(APP, [first as string]);
    expect(await bytes()).toEqual({ queue: String(each) });
    await queue.bury(APP, [letter]);
    await queue.remove(APP, [second as string]);
    expect(Object.keys(await bytes())).toEqual(['letters']);
    await queue.revive(APP, undefined);
    expect(await bytes()).toEqual({ queue: String(each + ',"endpoint":"x"'.length) });
    // Whatever was missed, as when a stream was deleted by hand.
    await connection.del(webhookQueue(APP));
    await queue.add(APP, [event('c')]);
    expect(await bytes()).toEqual({ queue: String(each) });
  });
});

describe('redis webhook queue: what stays', () => {
  test('of an app that was removed is nothing but its name, which expires', async () => {
    const settings = redis.settings();
    await using node = await start(settings);
    const queue = node.webhookQueue;
    await queue.add(APP, [event('a')]);
    await queue.bury(APP, [{ ...event('z'), endpoint: 'x', reason: 'y', attempts: 1, diedAtMs: 1 }]);
    await queue.record(APP, [{ endpoint: 'x', startedAtMs: 1, durationMs: 1, events: 1, ids: ['a'], attempt: 1 }]);
    expect(await queue.forget(APP)).toBe(1);
    expect((await keysOf(redis, settings)).filter((name) => name.includes('webhook'))).toEqual([
      '{cluster}:webhook-apps',
      '{cluster}:webhook-news',
    ]);
  });

  test('is nothing for ever: every key goes when it is not used for a week', async () => {
    const settings = redis.settings();
    await using node = await start(settings);
    const queue = node.webhookQueue;
    await queue.add(APP, [event('a')]);
    await queue.claim(LONG_MS);
    await queue.read('fresh', 10);
    await queue.bury(APP, [{ ...event('z'), endpoint: 'x', reason: 'y', attempts: 1, diedAtMs: 1 }]);
    await queue.record(APP, [{ endpoint: 'x', startedAtMs: 1, durationMs: 1, events: 1, ids: ['a'], attempt: 1 }]);
    await queue.add(APP, [event('b')]);
    await node.link?.trouble();
    using connection = admin(redis);
    const names = (await keysOf(redis, settings)).filter((name) => name.includes('webhook'));
    expect(names).toEqual([
      '{app}:webhook-bytes',
      '{app}:webhook-deliveries',
      '{app}:webhook-letters',
      '{app}:webhook-queue',
      '{cluster}:webhook-apps',
      '{cluster}:webhook-claim',
      '{cluster}:webhook-news',
    ]);
    for (const name of names) {
      const seconds = await connection.ttl(settings.prefix + name);
      expect(seconds).toBeGreaterThan(0);
      expect(seconds).toBeLessThanOrEqual(WEBHOOK_KEEP_SECONDS);
    }
  });

  test('is kept for another week by whoever looks at the dead letters, or brings them back', async () => {
    const settings = redis.settings();
    await using node = await start(settings);
    const queue = node.webhookQueue;
    await queue.bury(APP, [{ ...event('z'), endpoint: 'x', reason: 'y', attempts: 1, diedAtMs: 1 }]);
    using connection = admin(redis);
    const { webhookLetters, webhookQueue, webhookBytes } = createKeys(settings.prefix, 0);
    for (const key of [webhookLetters(APP), webhookBytes(APP)]) await connection.expire(key, 100);
    await queue.deadLetters(APP, 1);
    for (const key of [webhookLetters(APP), webhookBytes(APP)]) expect(await connection.ttl(key)).toBeGreaterThan(100);
    await queue.revive(APP, undefined);
    expect(await connection.ttl(webhookQueue(APP))).toBeGreaterThan(100);
  });

  test('is no app that had no events for longer than they are kept', async () => {
    const settings = redis.settings();
    await using node = await start(settings, ALWAYS);
    const { webhookApps } = createKeys(settings.prefix, 0);
    using connection = admin(redis);
    const ago = (seconds: number) => Date.now() - seconds * 1000;
    await connection.zadd(webhookApps, ago(WEBHOOK_KEEP_SECONDS + 2 * 86_400), 'old', ago(86_400), 'recent');
    await node.webhookQueue.claim(LONG_MS);
    await node.webhookQueue.read('fresh', 10);
    expect(await connection.zrange(webhookApps, '0', '-1')).toEqual(['recent']);
  });
});
