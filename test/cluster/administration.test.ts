// The admin API over two servers and one Redis: whichever is asked, connections are found wherever they are.
import { pino } from 'pino';
import { afterAll, expect, test } from 'vitest';
import { redisAdapters } from '../../src/adapters/redis/adapters.ts';
import { admin, adminToken } from '../http/support/admin.ts';
import { api } from '../support/api.ts';
import { connect } from '../support/client.ts';
import { type RedisSettings, startRedis } from '../support/redis.ts';
import { startServer, type TestServer } from '../support/server.ts';

const redis = await startRedis();
afterAll(() => redis[Symbol.asyncDispose]());

interface Cluster extends AsyncDisposable {
  readonly a: TestServer;
  readonly b: TestServer;
  readonly settings: RedisSettings;
}

async function startCluster(): Promise<Cluster> {
  const settings = redis.settings();
  const config = { adapter: 'redis' as const, redis: settings, admin: { tokens: [adminToken] } };
  const [a, b] = await Promise.all([startServer({}, config), startServer({}, config)]);
  return {
    a,
    b,
    settings,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([a.stop(), b.stop()]);
    },
  };
}

test('describes and closes a connection of another server', async () => {
  await using cluster = await startCluster();
  const { a, b } = cluster;
  await using client = await connect(b);
  await client.joined('presence-room', { user_id: 'ada' });
  const path = `/apps/app-id/connections/${client.socketId}`;
  const { json } = await admin(a, 'GET', path);
  expect(json).toMatchObject({ socketId: client.socketId, channels: [{ name: 'presence-room', userId: 'ada' }] });
  expect((await admin(a, 'GET', '/apps/app-id/connections')).json).toMatchObject({ socketIds: [client.socketId] });
  expect((await admin(a, 'DELETE', path)).status).toBe(200);
  expect(await client.closed).toMatchObject({ code: 4009 });
});

test('says so when the server that holds a connection does not answer', async () => {
  await using cluster = await startCluster();
  const { tracker } = redisAdapters(cluster.settings, pino({ level: 'silent' }));
  await tracker.start(() => {});
  await tracker.connect('app-id', '1.2', 0);
  const { status, json, headers } = await admin(cluster.a, 'GET', '/apps/app-id/connections/1.2');
  expect([status, json, headers.get('retry-after')]).toEqual([
    503,
    { error: 'The server that holds this connection does not answer. Try again later.' },
    '1',
  ]);
  await tracker.stop();
});

test('lists both servers, drains the other, and forgets one that was stopped', async () => {
  await using cluster = await startCluster();
  const { a, b } = cluster;
  await using client = await connect(b);
  await using stays = await connect(a);
  const list = async () => (await admin(a, 'GET', '/nodes')).json.nodes as { id: string; self: boolean }[];
  const nodes = await list();
  expect(nodes.map(({ self }) => self).sort()).toEqual([false, true]);
  const other = nodes.find(({ self }) => !self);
  expect((await admin(a, 'POST', `/nodes/${other?.id}/drain`)).status).toBe(200);
  expect(await client.closed).toMatchObject({ code: 4200 });
  await stays.expectNothing();
  expect((await fetch(`${b.url}/ready`)).status).toBe(503);
  expect((await fetch(`${a.url}/ready`)).status).toBe(200);
  await b.stop();
  expect((await list()).map(({ self }) => self)).toEqual([true]);
});

test('a publish that is repeated on another server, signed or not, is broadcast once', async () => {
  await using cluster = await startCluster();
  const { a, b } = cluster;
  await using client = await connect(a);
  await client.joined('news');
  const headers = { 'idempotency-key': 'order-7' };
  const body = '{"name":"saved","channel":"news","data":"1"}';
  const first = await api(a, 'POST', '/apps/app-id/events', { body, headers });
  const again = await api(b, 'POST', '/apps/app-id/events', { body, headers });
  const byAdmin = await admin(b, 'POST', '/apps/app-id/events', { body, headers });
  expect([first.status, first.headers.get('idempotency-replayed')]).toEqual([200, null]);
  expect([again.status, again.text, again.headers.get('idempotency-replayed')]).toEqual([200, '{}', 'true']);
  expect([byAdmin.status, byAdmin.headers.get('idempotency-replayed')]).toEqual([200, 'true']);
  const changed = await api(b, 'POST', '/apps/app-id/events', { body: body.replace('1', '2'), headers });
  expect([changed.status, changed.text]).toEqual([
    422,
    'This Idempotency-Key was used for another request. Choose a new one.',
  ]);
  const batch = '{"batch":[{"name":"saved","channel":"news","data":"3"}]}';
  const other = { 'idempotency-key': 'batch-7' };
  for (const server of [a, b]) await api(server, 'POST', '/apps/app-id/batch_events', { body: batch, headers: other });
  expect(await client.next()).toMatchObject({ event: 'saved', data: '1' });
  expect(await client.next()).toMatchObject({ event: 'saved', data: '3' });
  await client.expectNothing();
});

test.each(['', 'ü', 'x'.repeat(256)])('a key that is none is refused: %j', async (key) => {
  await using server = await startServer();
  const body = { name: 'saved', channel: 'news', data: '1' };
  const headers = { 'idempotency-key': key };
  const { status, text } = await api(server, 'POST', '/apps/app-id/events', { body, headers });
  expect([status, text]).toEqual([400, 'Invalid Idempotency-Key: expected 1 to 255 printable ASCII characters']);
});

test('junk on the nodes’ own topics is dropped and logged', async () => {
  await using cluster = await startCluster();
  const { broker } = redisAdapters(cluster.settings, pino({ level: 'silent' }));
  await broker.start(() => {});
  for (const text of ['{', '{"do":"explode"}', '{"do":"answer","question":"x","details":{}}']) {
    await broker.publish('*/nodes', { type: 'call', text });
    await cluster.a.line(({ msg }) => msg === 'a call of another node was not understood');
  }
  expect((await admin(cluster.a, 'GET', '/nodes')).status).toBe(200);
  await broker.stop();
});
