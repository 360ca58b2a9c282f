// Real clients join through Fanfare's own authorization endpoint: there is no other backend.
import Echo from 'laravel-echo';
import type { PresenceChannel } from 'pusher-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, tokenOf, tokenSecret } from '../support/authorization.ts';
import { connect } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { masterKey, sdk, startBackend } from './support/backend.ts';
import { type Browser, type BrowserPage, startBrowser } from './support/browser.ts';
import { hear, once } from './support/heard.ts';
import { clientOptions, connected, joined, joinedPresence, PusherClient, PusherJs } from './support/pusher-js.ts';

type BatchAuthorization = (endpoint: string, options: { headers: () => Record<string, string> }) => unknown;
const example = new URL('../../examples/batch-authorization.js', import.meta.url).href;
const { batchAuthorization } = (await import(example)) as { batchAuthorization: BatchAuthorization };

const auth = {
  bearer: { secret: tokenSecret, userInfo: { id: 'sub', name: 'name' }, watchlist: 'friends' },
  rules: [
    { channel: 'private-user.{sub}' },
    { channel: 'private-encrypted-user.{sub}' },
    { channel: 'presence-conversation.{conversations}' },
    { channel: 'presence-lobby', allow: 'authenticated' as const },
  ],
};
const ada = { sub: '7', name: 'Ada', conversations: ['1'], friends: ['8'] };
const bob = { sub: '8', name: 'Bob', conversations: ['1', '2'] };
const eve = { sub: '9', name: 'Eve', conversations: ['3'] };

const start = () => startServer({ auth, encryptionMasterKey: masterKey, clientEvents: true, watchlists: true });

const endpointsOf = (server: TestServer, token: string) => {
  const headers = { Authorization: `Bearer ${token}` };
  return {
    channelAuthorization: { transport: 'ajax' as const, endpoint: `${server.url}/broadcasting/auth`, headers },
    userAuthentication: { transport: 'ajax' as const, endpoint: `${server.url}/broadcasting/user-auth`, headers },
  };
};

async function clientOf(server: TestServer, user: Record<string, unknown>): Promise<PusherClient> {
  return await connected(server, undefined, endpointsOf(server, await tokenOf(user)));
}

describe('pusher-js in Node', () => {
  it('joins private, encrypted and presence channels', async () => {
    await using server = await start();
    using client = await clientOf(server, ada);
    for (const name of ['private-user.7', 'private-encrypted-user.7', 'presence-conversation.1']) {
      const event = once(await joined(client, name), 'MessageSent');
      await sdk(server).trigger(name, 'MessageSent', { to: name });
      expect(await event).toEqual({ to: name });
    }
  });

  it('shows two users to each other, and refuses a third the same channel', async () => {
    await using server = await start();
    using first = await clientOf(server, ada);
    const room = await joinedPresence(first, 'presence-conversation.1');
    const added = hear(room, 'pusher:member_added');
    using second = await clientOf(server, bob);
    const { members } = await joinedPresence(second, 'presence-conversation.1');
    expect(await added.next()).toEqual({ id: '8', info: { id: '8', name: 'Bob' } });
    expect([members.count, members.me.id, members.get('7').info]).toEqual([2, '8', { id: '7', name: 'Ada' }]);
    using third = await clientOf(server, eve);
    const refused = once<{ status: number; error: string }>(
      third.subscribe('presence-conversation.1'),
      'pusher:subscription_error',
    );
    expect(await refused).toMatchObject({ type: 'AuthError', status: 403 });
    expect(third.connection.state).toBe('connected');
    expect((room as PresenceChannel).members.count).toBe(2);
  });

  it('is refused without a token, or with one that has expired', async () => {
    await using server = await start();
    const expired = await tokenOf({ ...ada, exp: Math.floor(Date.now() / 1000) - 60 });
    for (const token of ['', expired]) {
      using client = await connected(server, undefined, endpointsOf(server, token));
      const refused = once(client.subscribe('private-user.7'), 'pusher:subscription_error');
      expect(await refused).toMatchObject({ type: 'AuthError', status: 401 });
    }
  });

  it('signs in, with a watchlist from a claim', async () => {
    await using server = await start();
    using client = await clientOf(server, ada);
    const online = hear(client.user.watchlist, 'online');
    const success = once(client, 'pusher:signin_success');
    client.signin();
    await success;
    expect(client.user.user_data).toMatchObject({ id: '7', user_info: { id: '7', name: 'Ada' }, watchlist: ['8'] });
    using friend = await clientOf(server, bob);
    friend.signin();
    expect(await online.next()).toEqual({ name: 'online', user_ids: ['8'] });
  });

  it('asks once for forty channels, with examples/batch-authorization.js', async () => {
    await using server = await startServer({
      auth: { ...auth, rules: [{ channel: 'private-user.{sub}.*' }, ...auth.rules] },
    });
    const token = await tokenOf(ada);
    let requests = 0;
    const headers = () => {
      requests += 1;
      return { Authorization: `Bearer ${token}` };
    };
    const customHandler = batchAuthorization(`${server.url}/broadcasting/auth`, { headers });
    using client = new PusherClient(server.app.key, {
      ...clientOptions(server),
      channelAuthorization: { customHandler } as never,
    });
    const names = Array.from({ length: 40 }, (_, index) => `private-user.7.${index}`);
    const acknowledged = names.map((name) => once(client.subscribe(name), 'pusher:subscription_succeeded'));
    const refused = once(client.subscribe('private-user.8'), 'pusher:subscription_error');
    await Promise.all(acknowledged);
    expect(await refused).toMatchObject({ error: 'This user may not join the channel private-user.8.' });
    expect(requests).toBe(1);
  });
});

describe('expiry and revocation, as pusher-js sees them', () => {
  it('a grant ends with its token, on the open connection; with a new token the channel is joined again', async () => {
    await using server = await startServer({ auth: { ...auth, grants: 'expiring' } });
    let token = await tokenOf({ ...ada, exp: Math.floor(Date.now() / 1000) + 2 });
    const { channelAuthorization } = endpointsOf(server, '');
    const headersProvider = () => ({ Authorization: `Bearer ${token}` });
    using client = await connected(server, undefined, {
      channelAuthorization: { ...channelAuthorization, headers: {}, headersProvider },
    });
    for (const name of ['private-user.7', 'presence-conversation.1']) {
      token = await tokenOf({ ...ada, exp: Math.floor(Date.now() / 1000) + 2 });
      const channel = await joined(client, name);
      const failure = once(channel, 'pusher:subscription_error');
      expect(await failure).toEqual({
        type: 'GrantExpired',
        error: 'The grant for this channel has expired.',
        status: 401,
      });
      expect(client.connection.state).toBe('connected');
      token = await tokenOf(ada);
      const again = once(channel, 'pusher:subscription_succeeded');
      channel.unsubscribe();
      channel.subscribe();
      await again;
    }
  });

  it.each([
    ['plain', 'presence-conversation.1'],
    ['named', 'private-user.7'],
    ['expiring', 'private-user.7'],
  ] as const)('a user is removed from a channel, %s grants: %s', async (grants, name) => {
    await using server = await startServer({ auth: { ...auth, grants } });
    using client = await clientOf(server, ada);
    const channel = await joined(client, name);
    const failure = hear(channel, 'pusher:subscription_error');
    const path = `/users/7/channels/${name}/unsubscribe`;
    const answer = await sdk(server).post({ path, body: { deny_seconds: 60 } as never });
    expect(await answer.json()).toEqual({});
    expect(await failure.next()).toEqual({
      type: 'Revoked',
      error: 'You were removed from this channel.',
      status: 403,
    });
    channel.unsubscribe();
    channel.subscribe();
    // Refused where the grant is asked for: pusher-js raises it itself.
    expect(await failure.next()).toMatchObject({ type: 'AuthError', status: 403 });
    expect(client.connection.state).toBe('connected');
    const refused = await ask(
      server,
      { socket_id: client.connection.socket_id, channel_name: name },
      { token: await tokenOf(ada) },
    );
    expect(refused.json.error).toMatch(/^This user was removed from \S+ and may join again in (60|59) seconds\.$/);
  });
});

describe('Laravel Echo', () => {
  it.each(['pusher', 'reverb'] as const)('%s: with authEndpoint and bearerToken', async (broadcaster) => {
    await using server = await start();
    const options = async (user: Record<string, unknown>) => ({
      broadcaster,
      key: server.app.key,
      Pusher: PusherJs,
      withoutInterceptors: true,
      ...clientOptions(server),
      authEndpoint: `${server.url}/broadcasting/auth`,
      bearerToken: await tokenOf(user),
      // Echo writes the token into its defaults, which all instances of a process would share.
      auth: { headers: {} },
    });
    const first = new Echo((await options(ada)) as never) as Echo<'pusher'>;
    const second = new Echo((await options(bob)) as never) as Echo<'pusher'>;
    const third = new Echo((await options(eve)) as never) as Echo<'pusher'>;
    try {
      const room = first.join('conversation.1');
      await new Promise((resolve) => room.here(resolve));
      const joining = new Promise((resolve) => room.joining(resolve));
      const here = new Promise((resolve) => second.join('conversation.1').here(resolve));
      expect(await joining).toEqual({ id: '8', name: 'Bob' });
      expect(await here).toEqual([
        { id: '7', name: 'Ada' },
        { id: '8', name: 'Bob' },
      ]);
      const error = new Promise((resolve) => third.join('conversation.1').error(resolve));
      expect(await error).toMatchObject({ type: 'AuthError', status: 403 });
      for (const kind of ['private', 'encryptedPrivate'] as const) {
        const channel = first[kind]('user.7');
        await new Promise<void>((resolve) => channel.subscribed(() => resolve()));
      }
    } finally {
      for (const client of [first, second, third]) client.disconnect();
    }
  });
});

describe('Dart’s dart_pusher_channels, by its frames', () => {
  it.each(['plain', 'named', 'expiring'] as const)('%s grants', async (grants) => {
    await using server = await startServer({ auth: { ...auth, grants }, encryptionMasterKey: masterKey });
    const token = await tokenOf(ada);
    await using client = await connect(server);
    for (const channel of ['private-user.7', 'private-encrypted-user.7']) {
      const body = `socket_id=${client.socketId}&channel_name=${channel}`;
      const { json } = await ask(server, body, { token });
      // What private channels send there: channel_data is not forwarded.
      client.send({ event: 'pusher:subscribe', data: { channel, auth: json.auth } });
      expect(await client.next()).toMatchObject({ event: 'pusher_internal:subscription_succeeded', channel });
    }
    const channel = 'presence-conversation.1';
    const { json } = await ask(server, `socket_id=${client.socketId}&channel_name=${channel}`, { token });
    client.send({ event: 'pusher:subscribe', data: { channel, auth: json.auth, channel_data: json.channel_data } });
    expect(await client.next()).toMatchObject({
      event: 'pusher_internal:subscription_succeeded',
      data: '{"presence":{"count":1,"ids":["7"],"hash":{"7":{"id":"7","name":"Ada"}}}}',
    });
  });
});

describe('pusher-js in Chromium, on pages of another origin', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser[Symbol.asyncDispose]());

  async function pageOf(server: TestServer, url: string, user: Record<string, unknown>): Promise<BrowserPage> {
    const page = await browser.visit(`${url}/encrypted`);
    await page.call('open', 'app-key', { ...clientOptions(server), ...endpointsOf(server, await tokenOf(user)) });
    await page.next('state', 'connected');
    return page;
  }

  it.each([[['*']], [['127.0.0.1']]])('joins where allowedOrigins are %j', async (allowedOrigins) => {
    await using server = await startServer({ auth, allowedOrigins, encryptionMasterKey: masterKey });
    // Serves the page and the scripts, and is never asked for a grant.
    await using pages = await startBackend(server);
    const first = await pageOf(server, pages.url, ada);
    for (const name of ['private-user.7', 'private-encrypted-user.7', 'presence-conversation.1']) {
      await first.call('subscribe', name);
      await first.next(name, 'pusher:subscription_succeeded');
    }
    const second = await pageOf(server, pages.url, bob);
    await second.call('subscribe', 'presence-conversation.1');
    await second.next('presence-conversation.1', 'pusher:subscription_succeeded');
    await first.next('presence-conversation.1', 'pusher:member_added');
    expect(await first.call('members', 'presence-conversation.1')).toMatchObject({ count: 2, all: ['7', '8'] });
    const third = await pageOf(server, pages.url, eve);
    await third.call('subscribe', 'presence-conversation.1');
    await third.next('presence-conversation.1', 'pusher:subscription_error');
    for (const page of [first, second, third]) await page.close();
  });
});
