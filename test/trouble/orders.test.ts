// Terminations and removals that are ordered while the server of those who are meant does not hear the others.
import { expect, test } from 'vitest';
import { admin } from '../adapters/support/redis-node.ts';
import { api } from '../support/api.ts';
import { connect } from '../support/client.ts';
import { startRedis } from '../support/redis.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { isMessage, ROOM, usersOf } from './support/traffic.ts';

/** One server with nobody, which is asked; one with all sockets, whose connection that listens is the only one. */
async function startPair(settings: object = {}) {
  const redis = await startRedis();
  const config = { adapter: 'redis', redis: { ...redis.settings(), ...settings } } as const;
  const [asked, holding] = [await startServer({}, config), await startServer({}, config)];
  const dispose = async () => {
    await Promise.all([asked.stop(), holding.stop()]);
    await redis[Symbol.asyncDispose]();
  };
  return { redis, asked, holding, [Symbol.asyncDispose]: dispose };
}

const remove = (server: TestServer, user: string, body?: object) =>
  api(server, 'POST', `/apps/app-id/users/${user}/channels/${ROOM}/unsubscribe`, { body });

test.each([{}, { busSecret: 'shared by all servers of it' }])(
  'reach whom they are meant for, with %j',
  async (settings) => {
    await using pair = await startPair(settings);
    const { redis, asked, holding } = pair;
    const [stays, removed, ended] = [await connect(holding), await connect(holding), await connect(holding)];
    await stays.joined(ROOM, { user_id: 'stays' });
    await removed.joined(ROOM, { user_id: 'removed' });
    await ended.joined(ROOM, { user_id: 'ended' });
    using connection = admin(redis);
    await connection.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    const answers = [
      await remove(asked, 'removed', { deny_seconds: 600 }),
      await api(asked, 'POST', '/apps/app-id/users/ended/terminate_connections'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect((await removed.nextOf('pusher:subscription_error')).channel).toBe(ROOM);
    expect((await ended.closed).code).toBe(4009);
    expect(await usersOf(asked)).toEqual(['stays']);
    await Promise.all([stays, removed].map((client) => client.leave()));
  },
);

test('do not reach who came later', async () => {
  await using pair = await startPair();
  const { redis, asked, holding } = pair;
  const before = await connect(holding);
  await before.joined(ROOM, { user_id: '7' });
  await remove(asked, '7');
  await before.nextOf('pusher:subscription_error');
  await before.joined(ROOM, { user_id: '7' });
  await api(asked, 'POST', '/apps/app-id/users/8/terminate_connections');
  const later = await connect(holding);
  await later.joined('presence-other', { user_id: '8' });
  using connection = admin(redis);
  const heard = holding.line(isMessage('listening to Redis again'));
  await connection.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await heard;
  for (const client of [before, later]) {
    await client.expectNothing();
    await client.leave();
  }
});

test('are kept for an hour, and no longer', async () => {
  await using pair = await startPair();
  await remove(pair.asked, '7');
  using connection = admin(pair.redis);
  const [key = ''] = await connection.keys('*:orders');
  expect(await connection.zcard(key)).toBe(1);
  expect(await connection.ttl(key)).toBeGreaterThan(3500);
  await connection.zadd(key, 1, 'of the past');
  await remove(pair.asked, '7');
  expect(await connection.zcard(key)).toBe(2);
});

test('of which some cannot be read are dropped, and the others are not', async () => {
  await using pair = await startPair();
  const { redis, asked, holding } = pair;
  const client = await connect(holding);
  await client.joined(ROOM, { user_id: '7' });
  using connection = admin(redis);
  await connection.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await remove(asked, '7');
  const [key = ''] = await connection.keys('*:orders');
  const now = Date.now();
  for (const junk of ['junk', '["id","app-id/u/7","!"]', '["id","app-id/u/7","anVuaw=="]'])
    await connection.zadd(key, now, junk);
  expect((await client.nextOf('pusher:subscription_error')).channel).toBe(ROOM);
  await client.leave();
});
