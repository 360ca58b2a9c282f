// pusher-js, unmodified, while Redis is away: it stays connected, and what it asked for meanwhile it has when Redis is
// back, without a line of the application's.
import { expect, test, vi } from 'vitest';
import { trigger } from '../support/api.ts';
import { startRedis } from '../support/redis.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { startBackend } from './support/backend.ts';
import { hear, once } from './support/heard.ts';
import { connected, joined } from './support/pusher-js.ts';

const ready = async ({ url }: TestServer) => (await fetch(`${url}/ready`)).status === 200;

test('a channel that was subscribed while Redis was away is joined when it is back', async () => {
  await using redis = await startRedis();
  await using server = await startServer({}, { adapter: 'redis', redis: redis.settings() });
  await using backend = await startBackend(server);
  using client = await connected(server, backend, { visitor: { id: '7' } });
  await joined(client, 'private-before');

  await redis.kill();
  await vi.waitUntil(async () => !(await ready(server)));
  const late = client.subscribe('private-late');
  const refusals = hear<{ status: number }>(late, 'pusher:subscription_error');
  expect((await refusals.next()).status).toBe(503);
  expect(client.connection.state).toBe('connected');

  const both = ['private-before', 'private-late'].map((name) =>
    once(client.channel(name), 'pusher:subscription_succeeded'),
  );
  await redis.start();
  await Promise.all(both);
  for (const name of ['private-before', 'private-late']) {
    const event = once(client.channel(name), 'e');
    expect((await trigger(server, { name: 'e', channel: name, data: '1' })).status).toBe(200);
    await event;
  }
});
