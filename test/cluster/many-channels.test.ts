// An app with 50,000 occupied channels: lists are complete and right, and Redis is never kept from other work by one.
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { redisAdapters } from '../../src/adapters/redis/adapters.ts';
import { createKeys } from '../../src/adapters/redis/keys.ts';
import type { Adapters } from '../../src/core/ports.ts';
import { admin } from '../adapters/support/redis-node.ts';
import { api } from '../support/api.ts';
import { connect } from '../support/client.ts';
import { Program } from '../support/program.ts';
import { type RedisSettings, startRedis, type TestRedis } from '../support/redis.ts';
import { credentials, startServer, type TestServer } from '../support/server.ts';

const ROOMS = 40_000;
const LOBBIES = 10_000;
/** Joins on their way at the same time. */
const AT_ONCE = 5_000;

let redis: TestRedis;
let settings: RedisSettings;
/** Holds the channels: a node without sockets. */
let holder: Adapters;
let server: TestServer;

const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index}`);
const rooms = numbered('room-', ROOMS);
const lobbies = numbered('presence-lobby-', LOBBIES);

beforeAll(async () => {
  redis = await startRedis();
  settings = redis.settings();
  holder = redisAdapters(settings, pino({ level: 'silent' }));
  await holder.broker.start(() => {});
  await holder.tracker.start(() => {});
  for (let from = 0; from < ROOMS; from += AT_ONCE) await fill(rooms.slice(from, from + AT_ONCE));
  for (let from = 0; from < LOBBIES; from += AT_ONCE) await fill(lobbies.slice(from, from + AT_ONCE));
  server = await startServer({}, { adapter: 'redis', redis: settings });
});

afterAll(async () => {
  await server?.stop();
  await holder?.tracker.stop();
  await holder?.broker.stop();
  await redis?.[Symbol.asyncDispose]();
});

async function fill(channels: readonly string[]): Promise<void> {
  await Promise.all(channels.map(occupy));
}

async function occupy(channel: string): Promise<void> {
  const announce = { topic: channel, frame: Buffer.from('announcement') };
  const presence = { member: { userId: '7', info: '{}' }, limit: 100, announce };
  const isPresence = channel.startsWith('presence-');
  await holder.tracker.join({
    appId: credentials.id,
    channel,
    socketId: `1.${channel}`,
    users: [],
    ...(isPresence && { presence }),
  });
}

async function ask(path: string, query: Record<string, string> = {}): Promise<unknown> {
  const { status, json } = await api(server, 'GET', `/apps/${credentials.id}${path}`, { query });
  expect(status).toBe(200);
  return json;
}

async function list(prefix: string, info = ''): Promise<Record<string, unknown>> {
  const query = { filter_by_prefix: prefix, ...(info !== '' && { info }) };
  return ((await ask('/channels', query)) as { channels: Record<string, unknown> }).channels;
}

test('every channel is listed once, with its counts', async () => {
  const all = await list('');
  expect(Object.keys(all).sort()).toEqual([...rooms, ...lobbies].sort());
  const counted = await list('presence-', 'user_count,subscription_count');
  expect(Object.keys(counted).sort()).toEqual([...lobbies].sort());
  for (const counts of Object.values(counted)) expect(counts).toEqual({ user_count: 1, subscription_count: 1 });
});

test('a prefix is taken as it is written, and finds only what starts with it', async () => {
  expect(Object.keys(await list('room-3999')).sort()).toEqual(['room-3999', ...numbered('room-3999', 10)].sort());
  expect(await list('oom-')).toEqual({});
  expect(await list('room-*')).toEqual({});
});

test('a list is made in small steps, between which Redis does other work', async () => {
  using outside = admin(redis);
  const seen = await watchWhile(outside, async () => {
    let listed = false;
    const listing = list('').finally(() => {
      listed = true;
    });
    while (!listed) await outside.ping();
    expect(Object.keys(await listing)).toHaveLength(ROOMS + LOBBIES);
  });
  const namesKey = createKeys(settings.prefix, settings.db).names(credentials.id);
  const steps = seen.filter((args) => args.includes(namesKey));
  // A script for each step, and what it asks.
  expect([...new Set(steps.map(nameOf))]).toEqual(['evalsha', 'zrangebylex']);
  const asked = steps.filter((step) => nameOf(step) === 'zrangebylex');
  for (const step of asked) expect(step.slice(-3)).toEqual(['LIMIT', '0', '2500']);
  expect(steps.length).toBeGreaterThan(10);
  const between = seen.slice(seen.indexOf(steps[0] ?? []), seen.indexOf(steps.at(-1) ?? []));
  expect(between.filter((args) => nameOf(args) === 'ping').length).toBeGreaterThan(10);
  const sweeping = ['keys', 'scan', 'smembers', 'hgetall', 'hkeys', 'hvals', 'hscan', 'zrange'];
  expect(seen.filter((args) => sweeping.includes(nameOf(args)))).toEqual([]);
});

function nameOf([name = '']: readonly string[]): string {
  return name.toLowerCase();
}

/** @returns every command Redis was given meanwhile, in order. */
async function watchWhile(outside: Redis, work: () => Promise<void>): Promise<string[][]> {
  const monitor = await outside.monitor();
  const seen: string[][] = [];
  const over = new Promise<void>((resolve) => {
    monitor.on('monitor', (_time: string, args: string[]) => {
      seen.push(args);
      if (args[1] === 'watched') resolve();
    });
  });
  try {
    await work();
    await outside.echo('watched');
    await over;
    return seen;
  } finally {
    monitor.disconnect();
  }
}

test('a node that is stalled is part of every answer, and delays none', async () => {
  const env = {
    FANFARE_ADAPTER: 'redis',
    FANFARE_REDIS_PORT: String(redis.port),
    FANFARE_REDIS_PREFIX: settings.prefix,
    FANFARE_APP_ID: credentials.id,
    FANFARE_APP_KEY: credentials.key,
    FANFARE_APP_SECRET: credentials.secret,
    FANFARE_LOG_FORMAT: 'json',
  };
  // With --dev, as the tests' secret is the one everybody knows.
  await using node = new Program('node', ['dist/main.js', 'start', '--dev', '--port', '0'], { env });
  const [, port = ''] = await node.line(/"url":"http:\/\/127\.0\.0\.1:(\d+)"/);
  await using there = await connect({ ...server, port: Number(port) });
  await there.joined('presence-stalled', { user_id: '8' });
  await using here = await connect(server);
  await here.joined('presence-stalled', { user_id: '9' });
  node.signal('SIGSTOP');
  const info = 'user_count,subscription_count';
  const counts = { user_count: 2, subscription_count: 2 };
  expect(await list('presence-stalled', info)).toEqual({ 'presence-stalled': counts });
  expect(Object.keys(await list(''))).toHaveLength(ROOMS + LOBBIES + 1);
  expect(await ask('/channels/presence-stalled', { info })).toEqual({ occupied: true, ...counts });
  const { users } = (await ask('/channels/presence-stalled/users')) as { users: { id: string }[] };
  expect(users.map(({ id }) => id).sort()).toEqual(['8', '9']);
  expect(await ask('/connections')).toEqual({ connections: 2 });
});
