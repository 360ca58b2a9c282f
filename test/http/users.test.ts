// POST terminate_connections (http-api.md §7), and the removal of a user from one channel.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { api } from '../support/api.ts';
import { connect } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectJson, expectRefusal } from './support/answers.ts';

const other = { id: 'other', key: 'other-key', secret: 'other-secret' };
let server: TestServer;
beforeAll(async () => {
  server = await startServer({}, { apps: [other] });
});
afterAll(() => server.stop());

const TERMINATED = { code: 4009, reason: 'You got disconnected by the app.' };
const terminate = (segment: string, prefix = '/apps/app-id', body?: string) =>
  api(server, 'POST', `${prefix}/users/${segment}/terminate_connections`, { body });

describe.each([
  ['/apps/app-id', 'REC http-api §7'],
  ['', 'as the Python SDK asks (http-api §7)'],
])('%s/users/{id}/terminate_connections, %s', (prefix) => {
  test.each([undefined, '', '{}', '[]', 'anything'])(
    'answers {} to the body %j, also when nobody is there',
    async (body) => {
      expectJson(await terminate('nobody', prefix, body), '{}');
    },
  );

  test('ends every socket of the user with an error and a close frame of the same code, and no other', async () => {
    await using first = await connect(server);
    await using second = await connect(server);
    await using stranger = await connect(server);
    for (const client of [first, second]) client.signIn({ id: 'ann' });
    stranger.signIn({ id: 'anna' });
    for (const client of [first, second, stranger]) await client.nextOf('pusher:signin_success');
    expectJson(await terminate('ann', prefix), '{}');
    for (const client of [first, second]) {
      expect(await client.next()).toEqual({ event: 'pusher:error', data: { code: 4009, message: TERMINATED.reason } });
      expect(await client.closed).toEqual(TERMINATED);
    }
    await stranger.expectNothing();
  });

  test.each([
    ['7', '7'],
    ['100%25', '100%'],
    ['50%2525', '50%25'],
    ['a%2Fb', 'a/b'],
    ['a b', 'a b'.replace(' ', '%20')],
    ['%C3%BC%20%F0%9F%8E%89', 'ü 🎉'],
    ['a+b', 'a+b'],
    ['a;b=c,d@e', 'a;b=c,d@e'],
    ['..%2F..', '../..'],
    ['__proto__', '__proto__'],
    ['x'.repeat(128), 'x'.repeat(128)],
  ])('finds the presence member whose id is %s in the path', async (segment, id) => {
    const userId = id === 'a%20b' ? 'a b' : id;
    await using client = await connect(server);
    await client.joined('presence-terminated', { user_id: userId });
    expectJson(await terminate(segment.replace(' ', '%20'), prefix), '{}');
    expect(await client.closed).toEqual(TERMINATED);
  });
});

test('ends sockets of the app that signed the request only', async () => {
  await using client = await connect(server);
  client.signIn({ id: 'ann' });
  await client.nextOf('pusher:signin_success');
  const request = { query: { auth_key: other.key }, secret: other.secret };
  for (const prefix of ['/apps/other', '']) {
    expectJson(await api(server, 'POST', `${prefix}/users/ann/terminate_connections`, request), '{}');
  }
  await client.expectNothing();
});

test('tells the members who remain that the user is gone', async () => {
  await using remaining = await connect(server);
  await using client = await connect(server);
  await remaining.joined('presence-left', { user_id: 'stays' });
  await client.joined('presence-left', { user_id: 'goes' });
  expect(await remaining.next()).toMatchObject({ event: 'pusher_internal:member_added' });
  await terminate('goes');
  expect(await remaining.next()).toEqual({
    event: 'pusher_internal:member_removed',
    channel: 'presence-left',
    data: '{"user_id":"goes"}',
  });
});

test('finds the app by auth_key where the path names none, and says what is wrong with it', async () => {
  const path = '/users/ann/terminate_connections';
  const unsigned = await fetch(`${server.url}${path}`, { method: 'POST' });
  expect([unsigned.status, await unsigned.text()]).toEqual([401, 'Missing parameter: auth_key']);
  const answer = await api(server, 'POST', path, { query: { auth_key: 'nobody’s' } });
  expectRefusal(answer, 401, 'Unknown auth_key: nobody’s');
});

const unsubscribe = (user: string, channel: string, body?: unknown, request = {}) =>
  api(server, 'POST', `/apps/app-id/users/${user}/channels/${channel}/unsubscribe`, { body, ...request });

const REVOKED = '{"type":"Revoked","error":"You were removed from this channel.","status":403}';

describe('/apps/{id}/users/{id}/channels/{name}/unsubscribe', () => {
  test.each([undefined, '', {}, { deny_seconds: 0 }])(
    'answers {} to the body %j, also when nobody is there, and denies nothing',
    async (body) => {
      expectJson(await unsubscribe('nobody', 'presence-empty', body), '{}');
      await using client = await connect(server);
      await client.joined('presence-empty', { user_id: 'nobody' });
    },
  );

  test('removes the user from that channel, and leaves the connection open; the others see the member go', async () => {
    await using remaining = await connect(server);
    await using client = await connect(server);
    await remaining.joined('presence-kick', { user_id: 'stays' });
    await client.joined('presence-kick', { user_id: 'ann' });
    await remaining.nextOf('pusher_internal:member_added');
    expectJson(await unsubscribe('ann', 'presence-kick'), '{}');
    expect(await client.next()).toEqual({
      event: 'pusher:subscription_error',
      channel: 'presence-kick',
      data: REVOKED,
    });
    expect(await remaining.next()).toEqual({
      event: 'pusher_internal:member_removed',
      channel: 'presence-kick',
      data: '{"user_id":"ann"}',
    });
    await client.expectNothing();
    await client.joined('presence-kick', { user_id: 'ann' });
  });

  test('denies the user to come back for deny_seconds, and says so to who tries', async () => {
    await using client = await connect(server);
    client.signIn({ id: 'ben' });
    await client.nextOf('pusher:signin_success');
    await client.joined('news');
    expectJson(await unsubscribe('ben', 'news', { deny_seconds: 31_536_000 }), '{}');
    expect(await client.next()).toMatchObject({ event: 'pusher:subscription_error', data: REVOKED });
    client.subscribe('news');
    const message = /^You were removed from this channel and may join again in 315\d{5} seconds\.$/;
    expect(await client.next()).toEqual({
      event: 'pusher:error',
      data: { code: 4009, message: expect.stringMatching(message) },
    });
    const { event, channel, data } = await client.next();
    expect([event, channel]).toEqual(['pusher:subscription_error', 'news']);
    expect(JSON.parse(data as string)).toEqual({
      type: 'Revoked',
      error: expect.stringMatching(message),
      status: 403,
    });
    await client.expectNothing();
  });

  test.each([
    ['a%2Fb', 'presence-removed', 'a/b', 'presence-removed'],
    ['%C3%BC%20%F0%9F%8E%89', 'presence-%40a%2Cb', 'ü 🎉', 'presence-@a,b'],
    ['__proto__', 'presence-__proto__', '__proto__', 'presence-__proto__'],
  ])('finds user %s on channel %s of the path', async (user, channel, userId, name) => {
    await using client = await connect(server);
    await client.joined(name, { user_id: userId });
    expectJson(await unsubscribe(user, channel), '{}');
    expect(await client.next()).toMatchObject({ event: 'pusher:subscription_error', channel: name });
  });

  const seconds = 'Invalid deny_seconds: expected a whole number of seconds from 0 to 31536000';
  test.each<[body: unknown, text: string]>([
    [{ deny_seconds: -1 }, seconds],
    [{ deny_seconds: 31_536_001 }, seconds],
    [{ deny_seconds: 0.5 }, seconds],
    [{ deny_seconds: '60' }, seconds],
    [{ deny_seconds: null }, seconds],
    [{ deny_second: 60 }, 'Unknown parameter: deny_second'],
    ['{', 'The request body is not valid JSON in UTF-8.'],
    ['[]', 'The request body must be a JSON object.'],
  ])('refuses the body %j, and then nobody is removed', async (body, text) => {
    await using client = await connect(server);
    await client.joined('presence-refused', { user_id: 'ann' });
    expectRefusal(await unsubscribe('ann', 'presence-refused', body), 400, text);
    await client.expectNothing();
  });

  test.each([
    ['a%20b', 'a b'],
    ['%23news', '#news'],
    ['x'.repeat(201), 'x'.repeat(201)],
  ])('refuses a name no channel can have: %s', async (segment, name) => {
    expectRefusal(await unsubscribe('ann', segment), 400, `Invalid channel name ${name}`);
  });

  test('is for signed requests only, by POST, and of an app in the path', async () => {
    const path = '/apps/app-id/users/ann/channels/news/unsubscribe';
    expect((await fetch(server.url + path, { method: 'POST' })).status).toBe(401);
    expect((await unsubscribe('ann', 'news', undefined, { secret: 'wrong' })).status).toBe(401);
    const answer = await fetch(server.url + path);
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
    expect((await api(server, 'POST', '/users/ann/channels/news/unsubscribe')).status).toBe(404);
  });

  test('removes from the channel of the app that signed the request only', async () => {
    await using client = await connect(server);
    await client.joined('presence-apps', { user_id: 'ann' });
    const request = { query: { auth_key: other.key }, secret: other.secret, body: { deny_seconds: 60 } };
    expectJson(await api(server, 'POST', '/apps/other/users/ann/channels/presence-apps/unsubscribe', request), '{}');
    await client.expectNothing();
    await client.joined('presence-apps', { user_id: 'ann' });
  });
});
