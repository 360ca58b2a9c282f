// pusher-js (Node build) with grants that end or are taken back: it hears of it on the channel, and stays connected.
import type { Channel } from 'pusher-js';
import { describe, expect, it } from 'vitest';
import { api } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { sdk } from './support/backend.ts';
import { hear, once } from './support/heard.ts';
import { connected, joined, type PusherClient, settled } from './support/pusher-js.ts';

/** An application that signs channel_data for every guarded channel, with the SDK: what `grant` says at that moment. */
async function granted(server: TestServer, grant: () => Record<string, unknown>): Promise<PusherClient> {
  const pusher = sdk(server);
  return await connected(server, undefined, {
    channelAuthorization: {
      transport: 'ajax',
      endpoint: '',
      customHandler: ({ socketId, channelName }, callback) => {
        const data = grant() as { user_id: string };
        callback(null, pusher.authorizeChannel(socketId, channelName, data) as { auth: string });
      },
    },
  });
}

/** Unix seconds, so many from now: asked when a grant is signed, hence just before the join. */
const ahead = (seconds: number) => Date.now() / 1000 + seconds;

async function joinedAgain(channel: Channel): Promise<void> {
  const success = once(channel, 'pusher:subscription_succeeded');
  channel.unsubscribe();
  channel.subscribe();
  await success;
}

const CHANNELS = ['private-x', 'private-encrypted-x', 'private-cache-x', 'presence-x'];

describe('a grant that ends', () => {
  it.each(CHANNELS)('is told on %s, and a new one lets in again, on the same connection', async (name) => {
    await using server = await startServer();
    let seconds = 1.5;
    using client = await granted(server, () => ({ user_id: 'ada', exp: ahead(seconds) }));
    const { socket_id: socketId } = client.connection;
    const errors = hear(client.connection, 'error');
    const channel = client.subscribe(name);
    const ended = hear(channel, 'pusher:subscription_error');
    await once(channel, 'pusher:subscription_succeeded');
    expect(await ended.next()).toEqual({
      type: 'GrantExpired',
      error: 'The grant for this channel has expired.',
      status: 401,
    });
    const events = hear(channel, 'e');
    await sdk(server).trigger(name, 'e', 'missed');
    await settled(client);
    seconds = 60;
    await joinedAgain(channel);
    await sdk(server).trigger(name, 'e', 'heard');
    await events.nextWhere((data) => data === 'heard');
    await settled(client);
    expect(events.all).toEqual(name.includes('cache') ? ['missed', 'heard'] : ['heard']);
    expect([client.connection.state, client.connection.socket_id]).toEqual(['connected', socketId]);
    expect([errors.all, ended.all.length]).toEqual([[], 1]);
  });

  it('is refused when it is over already, on the channel', async () => {
    await using server = await startServer();
    using client = await granted(server, () => ({ exp: ahead(-1) }));
    const failure = await once(client.subscribe('private-x'), 'pusher:subscription_error');
    expect(failure).toMatchObject({ type: 'GrantExpired', status: 401 });
    await settled(client);
    expect(client.connection.state).toBe('connected');
  });
});

describe('a user who is removed from a channel', () => {
  const remove = async (server: TestServer, channel: string, body?: object) => {
    const answer = await api(server, 'POST', `/apps/app-id/users/ada/channels/${channel}/unsubscribe`, { body });
    expect(answer.status).toBe(200);
  };

  it.each(CHANNELS)('is told on %s, and is let in again, on the same connection', async (name) => {
    await using server = await startServer();
    using client = await granted(server, () => ({ user_id: 'ada' }));
    const { socket_id: socketId } = client.connection;
    const channel = await joined(client, name);
    const removed = once(channel, 'pusher:subscription_error');
    await remove(server, name);
    expect(await removed).toEqual({ type: 'Revoked', error: 'You were removed from this channel.', status: 403 });
    await joinedAgain(channel);
    const event = once(channel, 'e');
    await sdk(server).trigger(name, 'e', 'heard');
    expect(await event).toBe('heard');
    expect([client.connection.state, client.connection.socket_id]).toEqual(['connected', socketId]);
  });

  it('is refused on the channel while denied', async () => {
    await using server = await startServer();
    using client = await granted(server, () => ({ user_id: 'ada' }));
    const channel = await joined(client, 'private-x');
    const failures = hear<{ error: string }>(channel, 'pusher:subscription_error');
    await remove(server, 'private-x', { deny_seconds: 3600 });
    await failures.next();
    channel.unsubscribe();
    channel.subscribe();
    expect(await failures.next()).toEqual({
      type: 'Revoked',
      error: expect.stringMatching(/^You were removed from this channel and may join again in 3[56]\d\d seconds\.$/),
      status: 403,
    });
    await settled(client);
    expect(client.connection.state).toBe('connected');
  });
});
