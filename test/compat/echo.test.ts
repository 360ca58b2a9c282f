// Laravel Echo over pusher-js, with both broadcasters that speak Pusher: what a Laravel frontend does, against what a
// Laravel backend publishes.
import Echo, { type EchoOptions } from 'laravel-echo';
import { describe, expect, it } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { type Backend, startBackend, type Visitor } from './support/backend.ts';
import { Heard, once } from './support/heard.ts';
import { clientOptions, PusherJs, settled } from './support/pusher-js.ts';

type Broadcaster = 'pusher' | 'reverb';

const ada = { id: '1', info: { id: 1, name: 'Ada' } };
const bob = { id: '2', info: { id: 2, name: 'Bob' } };

/** Disconnects at the end of its scope. */
class EchoClient extends Echo<Broadcaster> implements Disposable {
  [Symbol.dispose](): void {
    this.disconnect();
  }

  get pusher() {
    return this.connector.pusher;
  }
}

async function echo(
  broadcaster: Broadcaster,
  server: TestServer,
  backend: Backend,
  visitor: Visitor = ada,
): Promise<EchoClient> {
  const options = {
    broadcaster,
    key: server.app.key,
    Pusher: PusherJs,
    withoutInterceptors: true,
    ...clientOptions(server, backend, visitor),
  };
  const client = new EchoClient(options as unknown as EchoOptions<Broadcaster> & { broadcaster: Broadcaster });
  await once(client.pusher.connection, 'connected');
  return client;
}

/** Calls `bind` with a callback, and keeps what it is called with. */
function hears<T = unknown>(bind: (callback: (value: T) => void) => unknown): Heard<T> {
  const heard = new Heard<T>();
  bind(heard.add);
  return heard;
}

/** Resolves when the server has acknowledged the channel. */
function ready(channel: { subscribed(callback: () => void): unknown }): Promise<void> {
  return new Promise((resolve) => channel.subscribed(resolve));
}

async function occupied(backend: Backend): Promise<string[]> {
  const { channels } = (await (await backend.sdk.get({ path: '/channels' })).json()) as { channels: object };
  return Object.keys(channels).sort();
}

describe.each<Broadcaster>(['pusher', 'reverb'])('Echo with %s', (broadcaster) => {
  it('listens to events by class, by literal name, to all, and stops', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using client = await echo(broadcaster, server, backend);
    const channel = client.channel('orders.1');
    await ready(channel);
    const byClass = hears((callback) => channel.listen('OrderShipped', callback));
    const nested = hears((callback) => channel.listen('Orders.Shipped', callback));
    const literal = hears((callback) => channel.listen('.order.shipped now!', callback));
    const elsewhere = hears((callback) => client.listen('orders.1', '\\Vendor\\Event', callback));
    const all = new Heard<unknown[]>();
    channel.listenToAll((...values: unknown[]) => all.add(values));
    const published = ['App\\Events\\OrderShipped', 'App\\Events\\Orders\\Shipped', 'order.shipped now!'];
    for (const name of [...published, 'Vendor\\Event']) await backend.sdk.trigger('orders.1', name, { name });
    expect(await byClass.next()).toEqual({ name: published[0] });
    expect(await nested.next()).toEqual({ name: published[1] });
    expect(await literal.next()).toEqual({ name: published[2] });
    expect(await elsewhere.next()).toEqual({ name: 'Vendor\\Event' });
    expect(all.all.map(([name]) => name)).toEqual([
      'OrderShipped',
      'Orders\\Shipped',
      '.order.shipped now!',
      '.Vendor\\Event',
    ]);
    channel.stopListening('OrderShipped');
    await backend.sdk.trigger('orders.1', 'App\\Events\\OrderShipped', {});
    await settled(client.pusher);
    expect(byClass.all).toHaveLength(1);
  });

  it('joins private and encrypted channels through the auth endpoint', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using client = await echo(broadcaster, server, backend);
    for (const kind of ['private', 'encryptedPrivate'] as const) {
      const channel = client[kind]('users.1');
      const { name } = channel;
      const heard = hears((callback) => channel.listen('Sent', callback));
      await ready(channel);
      await backend.sdk.trigger(name, 'App\\Events\\Sent', { to: name });
      expect(await heard.next()).toEqual({ to: name });
    }
    expect(await occupied(backend)).toEqual(['private-encrypted-users.1', 'private-users.1']);
  });

  it('gives the user info of who is here, joining and leaving', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using first = await echo(broadcaster, server, backend, ada);
    const room = first.join('room.1');
    const here = hears((callback) => room.here(callback));
    const joining = hears((callback) => room.joining(callback));
    const leaving = hears((callback) => room.leaving(callback));
    expect(await here.next()).toEqual([ada.info]);
    using second = await echo(broadcaster, server, backend, bob);
    const both = hears((callback) => second.join('room.1').here(callback));
    expect(await both.next()).toEqual([ada.info, bob.info]);
    expect(await joining.next()).toEqual(bob.info);
    second.leave('room.1');
    expect(await leaving.next()).toEqual(bob.info);
  });

  it('whispers to the others, on private and presence channels', async () => {
    await using server = await startServer({ clientEvents: true });
    await using backend = await startBackend(server);
    using first = await echo(broadcaster, server, backend, ada);
    using second = await echo(broadcaster, server, backend, bob);
    for (const kind of ['private', 'join'] as const) {
      const [from, to] = [first[kind]('chat.1'), second[kind]('chat.1')];
      await Promise.all([ready(from), ready(to)]);
      const heard = hears((callback) => to.listenForWhisper('typing', callback));
      const echoed = hears((callback) => from.listenForWhisper('typing', callback));
      from.whisper('typing', { name: 'Ada' });
      expect(await heard.next()).toEqual({ name: 'Ada' });
      await settled(first.pusher);
      expect(echoed.all).toEqual([]);
      to.stopListeningForWhisper('typing');
      from.whisper('typing', {});
      await settled(first.pusher);
      await settled(second.pusher);
      expect(heard.all).toHaveLength(1);
    }
  });

  it('whispers on public channels where the app allows it, as under Reverb', async () => {
    await using server = await startServer({ clientEvents: true, clientEventsOnPublicChannels: true });
    await using backend = await startBackend(server);
    using first = await echo(broadcaster, server, backend);
    using second = await echo(broadcaster, server, backend);
    const [from, to] = [first.channel('lobby'), second.channel('lobby')];
    await Promise.all([ready(from), ready(to)]);
    const heard = hears((callback) => to.listenForWhisper('wave', callback));
    first.pusher.channel('lobby').trigger('client-wave', { hand: 'left' });
    expect(await heard.next()).toEqual({ hand: 'left' });
  });

  it('receives notifications', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using client = await echo(broadcaster, server, backend);
    const channel = client.private('App.Models.User.1');
    const heard = hears((callback) => channel.notification(callback));
    await ready(channel);
    const event = 'Illuminate\\Notifications\\Events\\BroadcastNotificationCreated';
    await backend.sdk.trigger('private-App.Models.User.1', event, { id: 'x', type: 'App\\Notifications\\Paid' });
    expect(await heard.next()).toEqual({ id: 'x', type: 'App\\Notifications\\Paid' });
  });

  it('leaves one channel, its variants, or all', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using client = await echo(broadcaster, server, backend);
    const joined = () => [
      client.channel('a'),
      client.private('a'),
      client.encryptedPrivate('a'),
      client.join('a'),
      client.channel('b'),
    ];
    await Promise.all(joined().map(ready));
    expect(await occupied(backend)).toEqual(['a', 'b', 'presence-a', 'private-a', 'private-encrypted-a']);
    client.leaveChannel('private-a');
    await settled(client.pusher);
    expect(await occupied(backend)).toEqual(['a', 'b', 'presence-a', 'private-encrypted-a']);
    client.leave('a');
    await settled(client.pusher);
    expect(await occupied(backend)).toEqual(['b']);
    client.leaveAllChannels();
    await settled(client.pusher);
    expect(await occupied(backend)).toEqual([]);
  });

  it('calls error() on a channel the application refuses, and on one the server refuses', async () => {
    await using server = await startServer({ limits: { presenceMembers: 1 } });
    await using backend = await startBackend(server);
    using client = await echo(broadcaster, server, backend);
    const refused = hears((callback) => client.private('forbidden').error(callback));
    expect(await refused.next()).toMatchObject({ type: 'AuthError', status: 403 });
    using other = await echo(broadcaster, server, backend, bob);
    await ready(other.join('full'));
    const full = hears((callback) => client.join('full').error(callback));
    expect(await full.next()).toEqual({
      type: 'LimitReached',
      error: 'The maximum members per presence channel limit was reached',
      status: 4100,
    });
    await settled(client.pusher);
    expect(client.connectionStatus()).toBe('connected');
  });

  it('toOthers: its socketId() keeps an event from itself', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using sender = await echo(broadcaster, server, backend);
    using other = await echo(broadcaster, server, backend);
    const [own, others] = [sender.channel('news'), other.channel('news')];
    await Promise.all([ready(own), ready(others)]);
    const echoed = hears((callback) => own.listen('.e', callback));
    const heard = hears((callback) => others.listen('.e', callback));
    await backend.sdk.trigger('news', 'e', 1, { socket_id: sender.socketId() as string });
    expect(await heard.next()).toBe(1);
    await settled(sender.pusher);
    expect(echoed.all).toEqual([]);
  });

  it('signs its user in, and disconnects', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using client = await echo(broadcaster, server, backend);
    const statuses = hears<string>((callback) => client.connector.onConnectionChange(callback));
    const success = once(client.pusher, 'pusher:signin_success');
    client.connector.signin();
    expect(await success).toMatchObject({ user_data: expect.stringContaining('"id":"1"') });
    client.disconnect();
    expect(client.connectionStatus()).toBe('disconnected');
    expect(statuses.all.at(-1)).toBe('disconnected');
  });
});
