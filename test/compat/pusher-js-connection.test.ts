// pusher-js (Node build): connecting, staying alive, errors on an open connection, disconnecting and coming back.
import { describe, expect, it } from 'vitest';
import { startServer } from '../support/server.ts';
import { sdk, startBackend } from './support/backend.ts';
import { Heard, hear, once } from './support/heard.ts';
import { type ConnectionError, connected, joined, joinedPresence, open, settled } from './support/pusher-js.ts';

interface StateChange {
  readonly previous: string;
  readonly current: string;
}

describe('connecting', () => {
  it('goes through connecting to connected, with a socket id', async () => {
    await using server = await startServer();
    using client = open(server);
    const changes = hear<StateChange>(client.connection, 'state_change');
    expect(client.connection.state).toBe('connecting');
    expect(await once(client.connection, 'connected')).toEqual({ socket_id: client.connection.socket_id });
    expect(client.connection.socket_id).toMatch(/^\d+\.\d+$/);
    expect(changes.all).toEqual([{ previous: 'connecting', current: 'connected' }]);
  });

  it('works under a path prefix', async () => {
    await using server = await startServer({}, { path: '/ws' });
    await using backend = await startBackend(server);
    using client = await connected(server, undefined, { wsPath: '/ws' });
    const channel = await joined(client, 'news');
    const event = once(channel, 'e');
    await backend.sdk.trigger('news', 'e', 1);
    expect(await event).toBe(1);
  });

  it('holds several connections at once, each its own', async () => {
    await using server = await startServer({ clientEvents: true });
    await using backend = await startBackend(server);
    const clients = await Promise.all(Array.from({ length: 5 }, () => connected(server, backend)));
    expect(new Set(clients.map(({ connection }) => connection.socket_id)).size).toBe(5);
    const heard = await Promise.all(clients.map(async (client) => hear(await joined(client, 'private-room'), 'e')));
    await backend.sdk.trigger('private-room', 'e', 1, { socket_id: clients[0]!.connection.socket_id });
    for (const client of clients) await settled(client);
    expect(heard.map(({ all }) => all.length)).toEqual([0, 1, 1, 1, 1]);
    for (const client of clients) client.disconnect();
  });

  it('is taken by an app that is strict about the protocol it names', async () => {
    await using server = await startServer({ strict: true });
    using client = await connected(server);
    expect(client.connection.state).toBe('connected');
  });
});

describe('keep-alive', () => {
  it('is answered when the client asks, after its own or the announced timeout', async () => {
    await using server = await startServer({}, { activityTimeoutSeconds: 1 });
    using own = await connected(server, undefined, { activityTimeout: 50, pongTimeout: 1000 });
    using announced = await connected(server);
    for (const client of [own, announced]) {
      expect(await once(client, 'pusher:pong')).toEqual({});
      expect(client.connection.state).toBe('connected');
    }
    expect([own.connection.activityTimeout, announced.connection.activityTimeout]).toEqual([50, 1000]);
  });
});

describe('errors on an open connection', () => {
  it.each([
    ['an unknown pusher event', 'pusher:nonsense', {}, undefined, 4200],
    ['a subscribe without channel', 'pusher:subscribe', {}, undefined, 4200],
    ['a client event on a channel it is not on', 'client-e', {}, 'private-x', 4009],
    ['a client event on a public channel', 'client-e', {}, 'x', 4301],
  ])('%s is reported with a code, and the connection stays', async (_, event, data, channel, code) => {
    await using server = await startServer({ clientEvents: true });
    using client = await connected(server);
    const error = once<ConnectionError>(client.connection, 'error');
    client.send_event(event, data, channel);
    expect(await error).toEqual({ type: 'PusherError', data: { code, message: expect.any(String) } });
    await settled(client);
    expect(client.connection.state).toBe('connected');
  });

  it('a channel name that is not allowed is reported on the channel', async () => {
    await using server = await startServer();
    using client = await connected(server);
    const failure = await once(client.subscribe('not allowed'), 'pusher:subscription_error');
    expect(failure).toMatchObject({ status: 4009, error: expect.stringContaining('not allowed') });
    await settled(client);
  });

  it('a client that sends too many client events keeps its connection', async () => {
    await using server = await startServer({ clientEvents: true });
    await using backend = await startBackend(server);
    using client = await connected(server, backend);
    using receiver = await connected(server, backend);
    const received = hear(await joined(receiver, 'private-room'), 'client-e');
    const channel = await joined(client, 'private-room');
    const error = once<ConnectionError>(client.connection, 'error');
    for (let n = 0; n < 11; n += 1) channel.trigger('client-e', n);
    expect(await error).toMatchObject({ data: { code: 4301, message: 'Rate limit exceeded' } });
    await settled(client);
    await settled(receiver);
    expect(received.all).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});

describe('disconnect and connect', () => {
  it('comes back with a new socket id and every channel subscribed again', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    const names = ['news', 'private-news', 'presence-news', 'private-encrypted-news', 'cache-news'];
    using client = await connected(server, backend, { visitor: { id: 'ada' } });
    using other = await connected(server, backend, { visitor: { id: 'bob' } });
    const room = await joinedPresence(other, 'presence-news');
    const removed = hear<{ id: string }>(room, 'pusher:member_removed');
    const added = hear<{ id: string }>(room, 'pusher:member_added');
    for (const name of names) await joined(client, name);
    const before = client.connection.socket_id;
    client.disconnect();
    expect(client.connection.state).toBe('disconnected');
    expect(await removed.next()).toMatchObject({ id: 'ada' });
    const acknowledged = new Heard<string>();
    for (const name of names) {
      client.channel(name).bind('pusher:subscription_succeeded', () => acknowledged.add(name));
    }
    client.connect();
    const again = await Promise.all(names.map(() => acknowledged.next()));
    expect(again.sort()).toEqual([...names].sort());
    expect(client.connection.socket_id).not.toBe(before);
    // The other client hears of it on a socket of its own, so it is waited for, not looked up.
    expect([await added.next(), await added.next()].map(({ id }) => id)).toEqual(['ada', 'ada']);
    const event = once(client.channel('news'), 'e');
    await sdk(server).trigger('news', 'e', 1, { socket_id: before });
    expect(await event).toBe(1);
  });

  it('is known to the server at once', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using first = await connected(server, backend, { visitor: { id: 'ada' } });
    using second = await connected(server, backend, { visitor: { id: 'bob' } });
    await joined(first, 'presence-room');
    const removed = once(await joinedPresence(second, 'presence-room'), 'pusher:member_removed');
    first.disconnect();
    await removed;
    const answer = await backend.sdk.get({ path: '/channels/presence-room', params: { info: 'user_count' } });
    expect(await answer.json()).toEqual({ occupied: true, user_count: 1 });
  });
});
