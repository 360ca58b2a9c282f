// The `pusher` Node SDK, unmodified: every method that asks the server something, and every token it signs.
import { describe, expect, it } from 'vitest';
import { type Client, connect } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { sdk } from './support/backend.ts';

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

interface Refused {
  readonly status: number;
  readonly body: string;
}

/** An SDK call's answer. */
async function answered(call: Promise<{ status: number; json(): Promise<unknown> }>): Promise<Answer> {
  const response = await call;
  return { status: response.status, body: await response.json() };
}

/** The RequestError an SDK call ends with. */
async function refused(call: Promise<unknown>): Promise<Refused> {
  const { status, body } = await call.then(
    () => expect.fail('the call was answered'),
    (err: Refused) => err,
  );
  return { status, body };
}

const OK = { status: 200, body: {} };

async function authorized(client: Client, server: TestServer, channel: string, data?: { user_id: string }) {
  const token = sdk(server).authorizeChannel(client.socketId, channel, data);
  client.send({ event: 'pusher:subscribe', data: { channel, ...token } });
  return await client.next();
}

describe('trigger', () => {
  it('publishes to one channel, objects as JSON and strings as they are', async () => {
    await using server = await startServer();
    await using client = await connect(server);
    await client.joined('news');
    expect(await answered(sdk(server).trigger('news', 'App\\Events\\Posted', { title: 'A "b" ☃' }))).toEqual(OK);
    expect(await client.next()).toEqual({
      event: 'App\\Events\\Posted',
      channel: 'news',
      data: '{"title":"A \\"b\\" ☃"}',
    });
    await sdk(server).trigger('news', 'posted', 'plain text');
    expect((await client.next()).data).toBe('plain text');
  });

  it('publishes to several channels at once', async () => {
    await using server = await startServer();
    await using client = await connect(server);
    await client.joined('a');
    await client.joined('b');
    const channels = ['a', 'b', ...Array.from({ length: 98 }, (_, index) => `more-${index}`)];
    expect(await answered(sdk(server).trigger(channels, 'e', 1))).toEqual(OK);
    expect([(await client.next()).channel, (await client.next()).channel]).toEqual(['a', 'b']);
  });

  it('leaves out the connection named by socket_id', async () => {
    await using server = await startServer();
    await using sender = await connect(server);
    await using other = await connect(server);
    await sender.joined('news');
    await other.joined('news');
    await sdk(server).trigger('news', 'e', {}, { socket_id: sender.socketId });
    expect((await other.next()).event).toBe('e');
    await sender.expectNothing();
  });

  it('answers info with the counts of each channel', async () => {
    await using server = await startServer();
    await using client = await connect(server);
    await client.joined('news');
    await client.joined('presence-room', { user_id: '7' });
    const info = { info: 'user_count,subscription_count' };
    const answer = await answered(sdk(server).trigger(['news', 'presence-room', 'presence-empty'], 'e', {}, info));
    expect(answer.body).toEqual({
      channels: {
        news: { subscription_count: 1 },
        'presence-room': { user_count: 1, subscription_count: 1 },
        'presence-empty': { user_count: 0, subscription_count: 0 },
      },
    });
  });

  it('passes encrypted events on without looking into them', async () => {
    await using server = await startServer();
    await using client = await connect(server);
    await client.joined('private-encrypted-room');
    expect(await answered(sdk(server).trigger('private-encrypted-room', 'e', { secret: 1 }))).toEqual(OK);
    const { data } = await client.next();
    expect(Object.keys(JSON.parse(data as string))).toEqual(['nonce', 'ciphertext']);
  });
});

describe('triggerBatch', () => {
  it('publishes in order and answers {} when nothing was asked', async () => {
    await using server = await startServer();
    await using client = await connect(server);
    await client.joined('a');
    await client.joined('private-encrypted-b');
    const events = Array.from({ length: 10 }, (_, index) => ({
      channel: index % 2 === 0 ? 'a' : 'private-encrypted-b',
      name: `e${index}`,
      data: { index },
    }));
    expect(await answered(sdk(server).triggerBatch(events))).toEqual(OK);
    for (const { name, channel } of events) expect(await client.next()).toMatchObject({ event: name, channel });
  });

  it('honours socket_id and info per event', async () => {
    await using server = await startServer();
    await using client = await connect(server);
    await client.joined('a');
    const { body } = await answered(
      sdk(server).triggerBatch([
        { channel: 'a', name: 'mine', data: 1, socket_id: client.socketId, info: 'subscription_count' },
        { channel: 'a', name: 'theirs', data: 'x' },
        { channel: 'presence-b', name: 'e', data: 'x', info: 'user_count,subscription_count' },
      ]),
    );
    expect(body).toEqual({ batch: [{ subscription_count: 1 }, {}, { user_count: 0, subscription_count: 0 }] });
    expect((await client.next()).event).toBe('theirs');
  });
});

describe('users', () => {
  it('sendToUser reaches every connection of the signed-in user and nobody else', async () => {
    await using server = await startServer();
    await using first = await connect(server);
    await using second = await connect(server);
    await using stranger = await connect(server);
    for (const client of [first, second]) {
      const token = sdk(server).authenticateUser(client.socketId, { id: 'ada', user_info: { name: 'Ada' } });
      client.send({ event: 'pusher:signin', data: token });
      expect(await client.next()).toEqual({
        event: 'pusher:signin_success',
        data: JSON.stringify({ user_data: token.user_data }),
      });
      await client.joined('#server-to-user-ada');
    }
    expect(await answered(sdk(server).sendToUser('ada', 'hello', { n: 1 }))).toEqual(OK);
    for (const client of [first, second]) {
      expect(await client.next()).toEqual({ event: 'hello', channel: '#server-to-user-ada', data: '{"n":1}' });
    }
    await stranger.expectNothing();
    expect(await answered(sdk(server).sendToUser('nobody', 'hello', {}))).toEqual(OK);
  });

  it('terminateUserConnections closes every connection of the user with 4009', async () => {
    await using server = await startServer();
    await using signedIn = await connect(server);
    await using member = await connect(server);
    await using stranger = await connect(server);
    signedIn.signIn({ id: 'ada' });
    await signedIn.nextOf('pusher:signin_success');
    await member.joined('presence-room', { user_id: 'ada' });
    expect(await answered(sdk(server).terminateUserConnections('ada'))).toEqual(OK);
    for (const client of [signedIn, member]) {
      const closed = { code: 4009, message: 'You got disconnected by the app.' };
      expect(await client.next()).toEqual({ event: 'pusher:error', data: closed });
      expect(await client.closed).toEqual({ code: closed.code, reason: closed.message });
    }
    await stranger.expectNothing();
    expect(await answered(sdk(server).terminateUserConnections('nobody'))).toEqual(OK);
  });
});

describe('get and post', () => {
  it('lists channels, with prefix and info', async () => {
    await using server = await startServer();
    await using client = await connect(server);
    expect(await answered(sdk(server).get({ path: '/channels' }))).toEqual({ status: 200, body: { channels: {} } });
    await client.joined('news');
    await client.joined('presence-room', { user_id: '7' });
    expect((await answered(sdk(server).get({ path: '/channels' }))).body).toEqual({
      channels: { news: {}, 'presence-room': {} },
    });
    const params = { filter_by_prefix: 'presence-', info: 'user_count' };
    expect((await answered(sdk(server).get({ path: '/channels', params }))).body).toEqual({
      channels: { 'presence-room': { user_count: 1 } },
    });
  });

  it('describes one channel', async () => {
    await using server = await startServer();
    await using client = await connect(server);
    await client.joined('presence-cache-room', { user_id: '7' });
    await sdk(server).trigger('presence-cache-room', 'e', { last: 1 });
    const info = 'user_count,subscription_count,cache';
    expect((await answered(sdk(server).get({ path: '/channels/presence-cache-room', params: { info } }))).body).toEqual(
      { occupied: true, user_count: 1, subscription_count: 1, cache: { data: '{"last":1}', ttl: expect.any(Number) } },
    );
    expect((await answered(sdk(server).get({ path: '/channels/nobody' }))).body).toEqual({ occupied: false });
  });

  it('lists the users of a presence channel, and no other', async () => {
    await using server = await startServer();
    await using first = await connect(server);
    await using second = await connect(server);
    await first.joined('presence-room', { user_id: 7 });
    await second.joined('presence-room', { user_id: 'ada' });
    expect((await answered(sdk(server).get({ path: '/channels/presence-room/users' }))).body).toEqual({
      users: [{ id: '7' }, { id: 'ada' }],
    });
    expect(await refused(sdk(server).get({ path: '/channels/news/users' }))).toEqual({
      status: 400,
      body: 'Users can only be retrieved for presence channels',
    });
  });

  it('posts what no other method does', async () => {
    await using server = await startServer();
    await using client = await connect(server);
    await client.joined('news');
    // The SDK serialises the body itself, whatever its types say.
    const body = { name: 'e', channel: 'news', data: { an: 'object' } } as unknown as string;
    expect(await answered(sdk(server).post({ path: '/events', body }))).toEqual(OK);
    expect((await client.next()).data).toBe('{"an":"object"}');
  });

  it('takes requests signed with createSignedQueryString', async () => {
    await using server = await startServer();
    const path = `/apps/${server.app.id}/connections`;
    const query = sdk(server).createSignedQueryString({ method: 'GET', path, params: {} });
    expect(await (await fetch(`${server.url}${path}?${query}`)).json()).toEqual({ connections: 0 });
  });
});

describe('tokens', () => {
  it('authorizeChannel lets a client join each guarded kind of channel', async () => {
    await using server = await startServer();
    await using client = await connect(server);
    for (const channel of ['private-a', 'private-encrypted-a', 'private-cache-a', 'private-encrypted-cache-a']) {
      expect(await authorized(client, server, channel)).toMatchObject({
        event: 'pusher_internal:subscription_succeeded',
        channel,
      });
      if (channel.includes('cache')) expect((await client.next()).event).toBe('pusher:cache_miss');
    }
    const joined = await authorized(client, server, 'presence-a', { user_id: 'ada' });
    expect(joined.data).toBe('{"presence":{"count":1,"ids":["ada"],"hash":{"ada":null}}}');
  });
});

describe('refusals', () => {
  it('explains a wrong secret with 401, and keeps the right one to itself', async () => {
    await using server = await startServer();
    const { status, body } = await refused(sdk(server, { secret: 'wrong' }).trigger('news', 'e', {}));
    expect(status).toBe(401);
    expect(body).toContain('Invalid signature: you should have sent HmacSHA256Hex("POST\\n/apps/app-id/events\\n');
    expect(body).not.toContain(server.app.secret);
  });

  it('explains a wrong key and an unknown app', async () => {
    await using server = await startServer();
    expect(await refused(sdk(server, { key: 'other' }).get({ path: '/channels' }))).toEqual({
      status: 401,
      body: 'Unknown auth_key: other is not a key of this app',
    });
    expect(await refused(sdk(server, { appId: 'other' }).get({ path: '/channels' }))).toEqual({
      status: 404,
      body: 'No matching application for ID [other].',
    });
  });

  it('answers 413 with limit and actual size, also in a batch, and publishes nothing', async () => {
    await using server = await startServer();
    await using client = await connect(server);
    await client.joined('news');
    const data = 'a'.repeat(11 * 1024);
    const single = await refused(sdk(server).trigger('news', 'e', data));
    const batch = await refused(
      sdk(server).triggerBatch([
        { channel: 'news', name: 'small', data: '' },
        { channel: 'news', name: 'large', data },
      ]),
    );
    for (const { status, body } of [single, batch]) {
      expect(status).toBe(413);
      expect(body).toContain('The data content of this event exceeds the allowed maximum (10240 bytes)');
      expect(body).toContain('11264 bytes');
    }
    await client.expectNothing();
  });

  it('answers 400 to a batch of more than ten', async () => {
    await using server = await startServer();
    const batch = Array.from({ length: 11 }, () => ({ channel: 'news', name: 'e', data: '' }));
    expect(await refused(sdk(server).triggerBatch(batch))).toEqual({ status: 400, body: 'Batch too large (11 > 10)' });
  });
});
