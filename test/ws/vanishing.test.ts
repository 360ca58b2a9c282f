// Sockets that disappear without a word leave nothing behind, wherever they were (architecture.md §4 (c)).
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sign } from '../../src/protocol/signature.ts';
import { api } from '../support/api.ts';
import { connect, type Frame } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { clientFrame, dial, openRaw, upgradeRequest } from './support/raw-socket.ts';
import { failOnUnhandled } from './support/unhandled.ts';

failOnUnhandled();

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ watchlists: true, subscriptionCount: true });
});
afterAll(async () => {
  await server.stop();
  expect(server.logged.filter(({ level }) => Number(level) >= 40)).toEqual([]);
});

function subscribeFrame(socketId: string, channel: string, userId: string): Buffer {
  const channel_data = JSON.stringify({ user_id: userId });
  const auth = sign(server.app, `${socketId}:${channel}:${channel_data}`);
  return clientFrame(JSON.stringify({ event: 'pusher:subscribe', data: { channel, auth, channel_data } }));
}

const gone = (socketId: string) =>
  server.line((line) => line.msg === 'connection closed' && line.socketId === socketId);

describe.each(['destroy', 'resetAndDestroy', 'end'] as const)('a socket that goes by %s', (how) => {
  test('right after it sent a subscribe leaves no ghost member', async () => {
    const channel = `presence-ghost-${how}`;
    await using observer = await connect(server);
    await observer.joined(channel, { user_id: 'observer' });
    for (let n = 0; n < 20; n += 1) {
      await using raw = await openRaw(server);
      const frame = subscribeFrame(raw.socketId, channel, `ghost-${n}`);
      // Whole in the server's hands, or still on its way: both happen.
      if (n % 2 === 0) raw.write(frame);
      else await new Promise<void>((resolve) => raw.socket.write(frame, () => resolve()));
      raw.socket[how]();
      await gone(raw.socketId);
    }
    expect((await api(server, 'GET', `/apps/app-id/channels/${channel}/users`)).text).toBe(
      '{"users":[{"id":"observer"}]}',
    );
    const present = new Set<string>();
    observer.send({ event: 'pusher:ping' });
    for (let frame: Frame = await observer.next(); frame.event !== 'pusher:pong'; frame = await observer.next()) {
      const { user_id } = JSON.parse(frame.data as string);
      if (frame.event === 'pusher_internal:member_added') present.add(user_id);
      else expect(present.delete(user_id)).toBe(true);
    }
    expect([...present]).toEqual([]);
  });

  test('in the middle of a frame is gone from its channels', async () => {
    await using observer = await connect(server);
    const channel = `presence-middle-${how}`;
    await observer.joined(channel, { user_id: 'observer' });
    await using raw = await openRaw(server);
    raw.write(subscribeFrame(raw.socketId, channel, 'halved'));
    expect(await observer.next()).toMatchObject({ event: 'pusher_internal:member_added' });
    raw.write(subscribeFrame(raw.socketId, 'presence-never', 'halved').subarray(0, 20));
    raw.socket[how]();
    expect(await observer.next()).toMatchObject({
      event: 'pusher_internal:member_removed',
      data: '{"user_id":"halved"}',
    });
    await gone(raw.socketId);
    expect((await api(server, 'GET', '/apps/app-id/channels/presence-never')).text).toBe('{"occupied":false}');
  });

  test('with many channels, a user and a watchlist takes all of them along', async () => {
    await using watcher = await connect(server);
    watcher.signIn({ id: 'watcher', watchlist: [`gone-${how}`] });
    await watcher.nextOf('pusher_internal:watchlist_events');
    await using client = await connect(server);
    client.signIn({ id: `gone-${how}`, watchlist: ['watcher'] });
    await client.nextOf('pusher_internal:watchlist_events');
    const channels = Array.from({ length: 30 }, (_, n) => `take-${how}-${n}`);
    for (const channel of channels) await client.joined(channel);
    expect(await watcher.next()).toMatchObject({ data: expect.stringContaining('online') });
    client.socket.terminate();
    expect(await watcher.next()).toMatchObject({ data: expect.stringContaining('offline') });
    await gone(client.socketId);
    const query = { filter_by_prefix: `take-${how}` };
    expect((await api(server, 'GET', '/apps/app-id/channels', { query })).text).toBe('{"channels":{}}');
  });

  test('in the middle of the upgrade hurts nobody', async () => {
    for (const cut of [10, 100, 1000]) {
      await using raw = await dial(server);
      raw.write(upgradeRequest('/app/app-key').slice(0, cut));
      raw.socket[how]();
      await raw.closed;
    }
    await using client = await connect(server);
    await client.expectNothing();
  });
});

test('nothing is left when all have gone', async () => {
  await using small = await startServer();
  const clients = await Promise.all(Array.from({ length: 50 }, () => connect(small)));
  await Promise.all(clients.map((client, n) => client.joined(`presence-${n % 5}`, { user_id: String(n) })));
  for (const client of clients) client.socket.terminate();
  for (const { socketId } of clients) {
    await small.line((line) => line.msg === 'connection closed' && line.socketId === socketId);
  }
  expect((await api(small, 'GET', '/apps/app-id/channels')).text).toBe('{"channels":{}}');
  expect((await api(small, 'GET', '/apps/app-id/connections')).text).toBe('{"connections":0}');
  expect((await api(small, 'GET', '/stats')).json).toMatchObject({ sockets: 0, topics: 0 });
});
