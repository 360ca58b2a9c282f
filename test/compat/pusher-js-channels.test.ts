// pusher-js (Node build) on every kind of channel.
import type { Channel } from 'pusher-js';
import { describe, expect, it } from 'vitest';
import { startServer } from '../support/server.ts';
import { startBackend } from './support/backend.ts';
import { Heard, hear, once } from './support/heard.ts';
import { connected, joined, joinedPresence, settled } from './support/pusher-js.ts';

const ada = { id: 'ada', info: { name: 'Ada', roles: ['a', { b: null }] } };
const bob = { id: 'bob', info: { name: 'Bob' } };

interface Person {
  readonly id: string;
  readonly info: unknown;
}

/** pusher-js's subscription flags. */
function flags({ subscribed, subscriptionPending, subscriptionCancelled }: Channel) {
  return { subscribed, pending: subscriptionPending, cancelled: subscriptionCancelled };
}

describe('public and private channels', () => {
  it.each(['news', 'private-news', 'App.News,1;2=3@4', 'private-encryptedish'])(
    '%s: subscribes, receives, unsubscribes',
    async (name) => {
      await using server = await startServer();
      await using backend = await startBackend(server);
      using client = await connected(server, backend);
      const channel = await joined(client, name);
      expect(flags(channel)).toEqual({ subscribed: true, pending: false, cancelled: false });
      const events = hear(channel, 'App\\Events\\News');
      await backend.sdk.trigger(name, 'App\\Events\\News', { x: 1, y: 'z' });
      expect(await events.next()).toEqual({ x: 1, y: 'z' });
      await backend.sdk.trigger(name, 'App\\Events\\News', 'not JSON');
      expect(await events.next()).toBe('not JSON');
      client.unsubscribe(name);
      expect(client.channel(name)).toBeUndefined();
      await settled(client);
      const answer = await backend.sdk.get({ path: `/channels/${name}` });
      expect(await answer.json()).toEqual({ occupied: false });
    },
  );

  it('delivers to bind_global, to the channel and to the client, each once', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using client = await connected(server, backend);
    const channel = await joined(client, 'news');
    const heard: unknown[][] = [];
    channel.bind_global((event: string, data: unknown) => heard.push(['channel, any', event, data]));
    channel.bind('e', (data: unknown) => heard.push(['channel', data]));
    client.bind_global((event: string, data: unknown) => heard.push(['client, any', event, data]));
    client.bind('e', (data: unknown) => heard.push(['client', data]));
    const other = once(client, 'other');
    await backend.sdk.trigger('news', 'e', { n: 1 });
    await backend.sdk.trigger('news', 'other', {});
    await other;
    expect(heard.slice(0, 4)).toEqual([
      ['channel, any', 'e', { n: 1 }],
      ['channel', { n: 1 }],
      ['client, any', 'e', { n: 1 }],
      ['client', { n: 1 }],
    ]);
    expect(heard[4]).toEqual(['channel, any', 'other', {}]);
  });

  it('reports a refusal of the auth endpoint, with its status, and stays connected', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using client = await connected(server, backend);
    const failure = await once(client.subscribe('private-forbidden'), 'pusher:subscription_error');
    expect(failure).toMatchObject({ type: 'AuthError', status: 403 });
    await settled(client);
    expect(client.connection.state).toBe('connected');
  });

  it('reports a signature the server refuses on the channel and on the connection, and stays connected', async () => {
    await using server = await startServer();
    using client = await connected(server, undefined, {
      channelAuthorization: { customHandler: (_, callback) => callback(null, { auth: `${server.app.key}:bad` }) },
    });
    const error = hear(client.connection, 'error');
    const channel = client.subscribe('private-news');
    expect(await once(channel, 'pusher:subscription_error')).toEqual({
      type: 'AuthError',
      error: 'The connection is unauthorized.',
      status: 401,
    });
    expect(await error.next()).toMatchObject({ data: { code: 4009, message: 'Connection is unauthorized' } });
    await settled(client);
    expect(client.connection.state).toBe('connected');
    expect(channel.subscribed).toBe(false);
  });

  it('keeps subscription_count while others come and go', async () => {
    await using server = await startServer({ subscriptionCount: true });
    using first = await connected(server);
    using second = await connected(server);
    const channel = first.subscribe('news');
    const counts = hear(channel, 'pusher:subscription_count');
    expect(await counts.next()).toEqual({ subscription_count: 1 });
    await joined(second, 'news');
    expect(await counts.next()).toEqual({ subscription_count: 2 });
    expect(channel.subscriptionCount).toBe(2);
    second.unsubscribe('news');
    expect(await counts.next()).toEqual({ subscription_count: 1 });
  });
});

describe('subscribing and unsubscribing in quick succession', () => {
  it.each(['news', 'private-news', 'presence-news'])('%s: twice is once', async (name) => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using client = await connected(server, backend);
    const channel = client.subscribe(name);
    expect(client.subscribe(name)).toBe(channel);
    const acknowledged = hear(channel, 'pusher:subscription_succeeded');
    await acknowledged.next();
    client.subscribe(name);
    await settled(client);
    expect(acknowledged.all).toHaveLength(1);
  });

  it.each(['news', 'private-news', 'presence-news'])('%s: unsubscribed while pending, it is left', async (name) => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using client = await connected(server, backend);
    const messages = hear<{ event: string }>(client.connection, 'message');
    const channel = client.subscribe(name);
    client.unsubscribe(name);
    client.unsubscribe(name);
    expect(flags(channel)).toEqual({ subscribed: false, pending: true, cancelled: true });
    await messages.nextWhere(({ event }) => event === 'pusher_internal:subscription_succeeded');
    await settled(client);
    expect(client.channel(name)).toBeUndefined();
    const answer = await backend.sdk.get({ path: '/channels' });
    expect(await answer.json()).toEqual({ channels: {} });
  });

  it.each(['news', 'private-news', 'presence-news'])('%s: reinstated while pending, it is kept', async (name) => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using client = await connected(server, backend);
    const channel = client.subscribe(name);
    client.unsubscribe(name);
    expect(client.subscribe(name)).toBe(channel);
    await once(channel, 'pusher:subscription_succeeded');
    const event = once(channel, 'e');
    await backend.sdk.trigger(name, 'e', 1);
    expect(await event).toBe(1);
  });

  it('joined again right after leaving, it receives', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using client = await connected(server, backend);
    await joined(client, 'private-news');
    client.unsubscribe('private-news');
    const event = once(await joined(client, 'private-news'), 'e');
    await backend.sdk.trigger('private-news', 'e', 1);
    expect(await event).toBe(1);
  });
});

describe('presence channels', () => {
  it('knows its members: count, each, get, me', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using first = await connected(server, backend, { visitor: ada });
    using second = await connected(server, backend, { visitor: bob });
    const alone = await joinedPresence(first, 'presence-room');
    expect(alone.members.count).toBe(1);
    expect(alone.members.me).toEqual({ id: 'ada', info: ada.info });
    expect(alone.members.get('bob')).toBeNull();
    const { members } = await joinedPresence(second, 'presence-room');
    const each: Person[] = [];
    members.each((member: Person) => each.push(member));
    expect(members.count).toBe(2);
    expect(each).toEqual([
      { id: 'ada', info: ada.info },
      { id: 'bob', info: bob.info },
    ]);
    expect([members.myID, members.me]).toEqual(['bob', { id: 'bob', info: bob.info }]);
  });

  it('hears who comes and goes, once per user however many connections they have', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using watcher = await connected(server, backend, { visitor: ada });
    const room = await joinedPresence(watcher, 'presence-room');
    const added = hear<Person>(room, 'pusher:member_added');
    const removed = hear<Person>(room, 'pusher:member_removed');
    using phone = await connected(server, backend, { visitor: bob });
    using laptop = await connected(server, backend, { visitor: bob });
    await joined(phone, 'presence-room');
    await joined(laptop, 'presence-room');
    expect(await added.next()).toEqual({ id: 'bob', info: bob.info });
    phone.disconnect();
    laptop.unsubscribe('presence-room');
    expect(await removed.next()).toEqual({ id: 'bob', info: bob.info });
    expect([added.all.length, removed.all.length]).toEqual([1, 1]);
    expect([room.members.count, room.members.get('bob')]).toEqual([1, null]);
  });
});

describe('client events', () => {
  it.each(['private-room', 'presence-room'])('%s: reach the others and not the sender', async (name) => {
    await using server = await startServer({ clientEvents: true });
    await using backend = await startBackend(server);
    using sender = await connected(server, backend, { visitor: ada });
    using receiver = await connected(server, backend, { visitor: bob });
    const from = await joined(sender, name);
    const echoed = hear(from, 'client-typing');
    const heard = new Heard<unknown[]>();
    (await joined(receiver, name)).bind('client-typing', (...values: unknown[]) => heard.add(values));
    expect(from.trigger('client-typing', { at: 1 })).toBe(true);
    const metadata = name.startsWith('presence-') ? { user_id: 'ada' } : {};
    expect(await heard.next()).toEqual([{ at: 1 }, metadata]);
    sender.send_event('client-typing', 'text', name);
    expect(await heard.next()).toEqual(['text', metadata]);
    await settled(sender);
    expect(echoed.all).toEqual([]);
  });

  it('are refused with 4301 on the open connection where the app has them off', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using client = await connected(server, backend);
    const error = once(client.connection, 'error');
    (await joined(client, 'private-room')).trigger('client-typing', {});
    expect(await error).toMatchObject({ data: { code: 4301 } });
    await settled(client);
    expect(client.connection.state).toBe('connected');
  });
});

describe('encrypted channels', () => {
  it('decrypts what the SDK encrypted', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using client = await connected(server, backend);
    const event = once(await joined(client, 'private-encrypted-room'), 'e');
    await backend.sdk.trigger('private-encrypted-room', 'e', { secret: '☃' });
    expect(await event).toEqual({ secret: '☃' });
  });
});

describe('cache channels', () => {
  const names = ['cache-x', 'private-cache-x', 'presence-cache-x', 'private-encrypted-cache-x'];

  it.each(names)('%s: says that nothing is cached', async (name) => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using client = await connected(server, backend);
    expect(await once(client.subscribe(name), 'pusher:cache_miss')).toEqual({});
  });

  it.each(names)('%s: hands out the last event after the acknowledgement', async (name) => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    await backend.sdk.trigger(name, 'e', { n: 1 });
    await backend.sdk.trigger(name, 'e', { n: 2 });
    using client = await connected(server, backend);
    const channel = client.subscribe(name);
    const order: string[] = [];
    channel.bind_global((event: string) => order.push(event));
    expect(await once(channel, 'e')).toEqual({ n: 2 });
    expect(order).toEqual(['pusher:subscription_succeeded', 'e']);
  });
});
