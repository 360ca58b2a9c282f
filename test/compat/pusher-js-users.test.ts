// pusher-js (Node build): sign-in, events to a user, watchlists, termination.
import { describe, expect, it } from 'vitest';
import { startServer } from '../support/server.ts';
import { startBackend } from './support/backend.ts';
import { hear, once } from './support/heard.ts';
import {
  type ConnectionError,
  connected,
  hasGivenUp,
  joined,
  joinedPresence,
  open,
  type PusherClient,
  settled,
} from './support/pusher-js.ts';

const ada = { id: 'ada', info: { name: 'Ada' } };
const bob = { id: 'bob', info: { name: 'Bob' } };

interface WatchlistEvent {
  readonly name: string;
  readonly user_ids: string[];
}

/** Signs in and resolves when events to the user arrive. */
async function signedIn(client: PusherClient): Promise<void> {
  const messages = hear<{ event: string; channel?: string }>(client.connection, 'message');
  client.signin();
  await messages.nextWhere(
    ({ event, channel }) => event === 'pusher_internal:subscription_succeeded' && channel?.startsWith('#') === true,
  );
}

describe('sign-in', () => {
  it('makes the user known, and events to the user arrive', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using client = await connected(server, backend, { visitor: ada });
    const success = once(client, 'pusher:signin_success');
    await signedIn(client);
    expect(await success).toEqual({ user_data: JSON.stringify({ id: 'ada', user_info: ada.info }) });
    expect(client.user.user_data).toEqual({ id: 'ada', user_info: ada.info });
    const event = once(client.user, 'App\\Notified');
    await backend.sdk.sendToUser('ada', 'App\\Notified', { n: 1 });
    expect(await event).toEqual({ n: 1 });
  });

  it('delivers an event to the user once to each of their connections', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using phone = await connected(server, backend, { visitor: ada });
    using laptop = await connected(server, backend, { visitor: ada });
    using other = await connected(server, backend, { visitor: bob });
    const heard = [phone, laptop, other].map((client) => hear(client.user, 'e'));
    for (const client of [phone, laptop, other]) await signedIn(client);
    await backend.sdk.sendToUser('ada', 'e', 'hello');
    for (const client of [phone, laptop, other]) await settled(client);
    expect(heard.map(({ all }) => all)).toEqual([['hello'], ['hello'], []]);
  });

  it('asked before the connection is there, and again after a reconnection, by itself', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using client = open(server, backend, { visitor: ada });
    await signedIn(client);
    client.disconnect();
    const messages = hear<{ channel?: string }>(client.connection, 'message');
    client.connect();
    await messages.nextWhere(({ channel }) => channel === '#server-to-user-ada');
    const event = once(client.user, 'e');
    await backend.sdk.sendToUser('ada', 'e', 'back');
    expect(await event).toBe('back');
  });

  it('is who joins a presence channel without channel_data', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using client = await connected(server, backend, { visitor: { ...ada, bySignIn: true } });
    await signedIn(client);
    const { members } = await joinedPresence(client, 'presence-room');
    expect(members.me).toEqual({ id: 'ada', info: ada.info });
  });

  it('refused for its signature, it ends the connection with 4009 for good', async () => {
    await using server = await startServer();
    using client = await connected(server, undefined, {
      userAuthentication: {
        customHandler: (_, callback) => callback(null, { auth: `${server.app.key}:bad`, user_data: '{"id":"ada"}' }),
      },
    });
    const errors = hear<ConnectionError>(client.connection, 'error');
    const disconnected = once(client.connection, 'disconnected');
    client.signin();
    expect(await errors.next()).toMatchObject({ data: { code: 4009, message: 'Connection not authorized.' } });
    await disconnected;
    expect(hasGivenUp(client)).toBe(true);
  });

  it('reports the auth endpoint that cannot be reached', async () => {
    await using server = await startServer();
    const backend = await startBackend(server);
    using client = await connected(server, backend);
    await backend[Symbol.asyncDispose]();
    const failed = once(client.user, 'pusher:signin_error');
    client.signin();
    expect(await failed).toMatchObject({ type: 'AuthError' });
    await settled(client);
  });
});

describe('watchlists', () => {
  it('tell who is online at sign-in, who comes, and who goes', async () => {
    await using server = await startServer({ watchlists: true });
    await using backend = await startBackend(server);
    using early = await connected(server, backend, { visitor: { id: 'early' } });
    await signedIn(early);
    using watcher = await connected(server, backend, { visitor: { ...ada, watchlist: ['early', 'bob', 'never'] } });
    const online = hear<WatchlistEvent>(watcher.user.watchlist, 'online');
    const offline = hear<WatchlistEvent>(watcher.user.watchlist, 'offline');
    await signedIn(watcher);
    expect(await online.next()).toEqual({ name: 'online', user_ids: ['early'] });
    expect(await offline.next()).toEqual({ name: 'offline', user_ids: ['bob', 'never'] });
    using phone = await connected(server, backend, { visitor: bob });
    using laptop = await connected(server, backend, { visitor: bob });
    await signedIn(phone);
    await signedIn(laptop);
    expect(await online.next()).toEqual({ name: 'online', user_ids: ['bob'] });
    phone.disconnect();
    early.disconnect();
    expect(await offline.next()).toEqual({ name: 'offline', user_ids: ['early'] });
    laptop.disconnect();
    expect(await offline.next()).toEqual({ name: 'offline', user_ids: ['bob'] });
    expect(online.all).toHaveLength(2);
  });
});

describe('terminateUserConnections', () => {
  it('ends every connection of the user for good, and leaves the others', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using signed = await connected(server, backend, { visitor: ada });
    using member = await connected(server, backend, { visitor: ada });
    using other = await connected(server, backend, { visitor: bob });
    await signedIn(signed);
    await joined(member, 'presence-room');
    const room = await joinedPresence(other, 'presence-room');
    const removed = once(room, 'pusher:member_removed');
    const ended = [signed, member].map((client) => once(client.connection, 'disconnected'));
    const errors = hear<ConnectionError>(signed.connection, 'error');
    await backend.sdk.terminateUserConnections('ada');
    await Promise.all(ended);
    expect([hasGivenUp(signed), hasGivenUp(member)]).toEqual([true, true]);
    const reason = { code: 4009, message: 'You got disconnected by the app.' };
    // Of the error frame first, then of the close frame.
    expect(errors.all[0]).toEqual({ type: 'PusherError', data: reason });
    expect(errors.all.at(-1)).toEqual({ type: 'WebSocketError', error: { type: 'PusherError', data: reason } });
    expect(await removed).toMatchObject({ id: 'ada' });
    await settled(other);
    expect(other.connection.state).toBe('connected');
    // The application may let the user in again.
    const again = once(member.connection, 'connected');
    member.connect();
    await again;
  });
});
