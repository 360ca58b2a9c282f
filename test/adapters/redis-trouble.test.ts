// When Redis cannot be reached: at the start, later, and when it is back.
import { pino } from 'pino';
import { describe, expect, test, vi } from 'vitest';
import { redisAdapters } from '../../src/adapters/redis/adapters.ts';
import { RequestError } from '../../src/protocol/errors.ts';
import { textFrame } from '../../src/protocol/frame.ts';
import { freePort, startRedis } from '../support/redis.ts';
import { admin, startNode } from './support/redis-node.ts';

const text = (value: string) => ({ type: 'frame', frame: textFrame(value) }) as const;
const silent = pino({ level: 'silent' });
const nowhere = { host: '127.0.0.1', port: 6379, db: 0, tls: false, prefix: 'x:' };

describe('redis: the start', () => {
  test('fails with where Redis was looked for and why it is not there', async () => {
    const port = await freePort();
    const { broker } = redisAdapters({ ...nowhere, port }, silent);
    await expect(broker.start(() => {})).rejects.toThrow(
      `Redis at redis://127.0.0.1:${port}/0 cannot be reached: ECONNREFUSED 127.0.0.1:${port}`,
    );
    await broker.stop();
  });

  test('fails with a wrong password, which is not shown', async () => {
    await using redis = await startRedis('--requirepass', 'right');
    const url = `redis://default:wr%40ng-one@127.0.0.1:${redis.port}/3`;
    const { broker } = redisAdapters({ ...nowhere, url }, silent);
    const failure = await broker.start(() => {}).catch((err: unknown) => err);
    expect(failure).toBeInstanceOf(Error);
    expect((failure as Error).message).toMatch(
      `Redis at redis://127.0.0.1:${redis.port}/3 cannot be reached: WRONGPASS`,
    );
    expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain('ng-one');
  });

  test('succeeds with the password and the database of a URL', async () => {
    await using redis = await startRedis('--requirepass', 'r/ght@');
    const url = `redis://:r%2Fght%40@127.0.0.1:${redis.port}/3`;
    const { eventCache } = redisAdapters({ ...nowhere, url }, silent);
    await eventCache.start();
    await eventCache.set('app', 'cache-a', { name: 'e', data: '1' }, 60);
    using connection = admin(redis, { password: 'r/ght@', db: 3 });
    expect(await connection.keys('*')).toEqual(['x:{app}:cache:cache-a']);
    await eventCache.stop();
  });
});

describe('redis: the start', () => {
  test('fails for a database that is not there: ioredis would go on in database 0', async () => {
    await using redis = await startRedis('--databases', '4');
    const { broker } = redisAdapters({ ...nowhere, port: redis.port, db: 4 }, silent);
    await expect(broker.start(() => {})).rejects.toThrow(
      `Redis at redis://127.0.0.1:${redis.port}/4 cannot be reached: ERR DB index is out of range`,
    );
    await broker.stop();
  });
});

describe('redis: what it refuses', () => {
  test('is said by the log, once for many, and makes the server not ready until it takes it again', async () => {
    await using redis = await startRedis();
    await using node = await startNode(redis.settings());
    const { tracker, link, log } = node;
    await tracker.join({ appId: 'app', channel: 'a', socketId: '1.1', users: [] });
    using connection = admin(redis);
    const refused = log.next('Redis refused a command');
    await connection.config('SET', 'maxmemory', '1');
    await refused;
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const join = tracker.join({ appId: 'app', channel: 'b', socketId: '1.1', users: [] });
      await expect(join).rejects.toMatchObject({ status: 503 });
    }
    await vi.waitUntil(async () => (await link?.trouble())?.startsWith('Redis refuses what this server tells it'));
    const reasons = new Set(log.entries.filter(({ msg }) => msg === 'Redis refused a command').map((e) => e.reason));
    expect(log.count('Redis refused a command')).toBe(reasons.size);
    await connection.config('SET', 'maxmemory', '0');
    await vi.waitUntil(async () => (await link?.trouble()) === undefined);
  });

  test('at every attempt to come back, is said with its reason, once', async () => {
    await using redis = await startRedis();
    await using node = await startNode(redis.settings());
    const told = node.log.next('Redis cannot be reached yet');
    using connection = admin(redis);
    await connection.config('SET', 'requirepass', 'changed');
    connection.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'no').catch(() => {});
    expect((await told) as object).toMatchObject({ reason: expect.stringMatching(/NOAUTH|WRONGPASS|HELLO/) });
  });
});

describe('redis: a loss', () => {
  test('makes everything fail at once with 503, is logged once, and is over when Redis is back', async () => {
    await using redis = await startRedis();
    await using node = await startNode(redis.settings());
    const { broker, tracker, eventCache, rateLimiter, log } = node;
    await broker.subscribe('app/c/a');
    await tracker.join({ appId: 'app', channel: 'a', socketId: '1.1', users: [] });

    const lost = log.next('the connection to Redis was lost');
    await redis.kill();
    await lost;
    const failure = await broker.publish('app/c/a', text('x')).catch((err: unknown) => err);
    expect(failure).toBeInstanceOf(RequestError);
    expect(failure).toMatchObject({
      status: 503,
      message: 'Redis is unavailable, the event was not published. Try again later.',
      headers: { 'retry-after': '2' },
    });
    const unavailable = { status: 503, message: 'Redis is unavailable. Try again later.' };
    await expect(broker.subscribe('app/c/b')).rejects.toMatchObject(unavailable);
    await expect(tracker.counts('app', ['a'])).rejects.toMatchObject(unavailable);
    await expect(tracker.listCounted('app', '')).rejects.toMatchObject(unavailable);
    await expect(tracker.online('app', ['1', '2'])).rejects.toMatchObject(unavailable);
    await expect(eventCache.get('app', 'a')).rejects.toMatchObject(unavailable);
    await expect(rateLimiter.take('app', 1, 1)).rejects.toMatchObject(unavailable);

    const listening = log.next('listening to Redis again');
    const registered = log.next('registered in Redis again');
    await redis.start();
    expect(await listening).toMatchObject({ topics: 1 });
    await broker.publish('app/c/a', text('back'));
    expect(await node.deliveries.nextText()).toBe('app/c/a back');
    await registered;
    expect(await tracker.counts('app', ['a'])).toEqual([{ subscriptionCount: 1, userCount: 0 }]);
    expect(log.count('the connection to Redis was lost')).toBe(1);
    // And why it cannot be reached, each reason once.
    const others = log.entries.filter(({ level }) => Number(level) >= 40).slice(1);
    expect(new Set(others.map(({ msg, reason }) => `${msg}: ${reason}`)).size).toBe(others.length);
    expect(others.every(({ msg }) => msg === 'Redis cannot be reached yet')).toBe(true);
  });

  test('of the listening connection alone is noticed too: nothing is published that this node would not hear', async () => {
    await using redis = await startRedis();
    await using node = await startNode(redis.settings());
    await node.broker.subscribe('app/c/a');
    const [lost, listening] = [
      node.log.next('the connection to Redis was lost'),
      node.log.next('listening to Redis again'),
    ];
    using connection = admin(redis);
    await connection.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await lost;
    await expect(node.broker.publish('app/c/a', text('x'))).rejects.toMatchObject({ status: 503 });
    await listening;
    await node.broker.publish('app/c/a', text('back'));
    expect(await node.deliveries.nextText()).toBe('app/c/a back');
  });

  test('does not keep a node from stopping', async () => {
    await using redis = await startRedis();
    await using node = await startNode(redis.settings());
    await node.tracker.join({ appId: 'app', channel: 'a', socketId: '1.1', users: [] });
    const lost = node.log.next('the connection to Redis was lost');
    await redis.kill();
    await lost;
    await expect(node.stop()).resolves.toBe(undefined);
  });
});
