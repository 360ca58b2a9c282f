// POST terminate_connections (http-api.md §7).
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
