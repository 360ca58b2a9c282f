// GET channels, one channel, its users (http-api.md §4–§6).
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { api, trigger } from '../support/api.ts';
import { type Client, connect } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectJson, expectRefusal } from './support/answers.ts';

let server: TestServer;
let clients: readonly Client[];

/** On a, presence-b (users 7, "7" and 8), private-c, cache-d and as user ann. */
beforeAll(async () => {
  server = await startServer();
  clients = await Promise.all([connect(server), connect(server), connect(server)]);
  const [one, two, three] = clients as [Client, Client, Client];
  for (const channel of ['a', 'private-c', 'cache-d']) await one.joined(channel);
  await two.joined('a');
  await one.joined('presence-b', { user_id: 7, user_info: { secret: 'no' } });
  await two.joined('presence-b', { user_id: '7' });
  await three.joined('presence-b', { user_id: 'ü 8' });
  three.signIn({ id: 'ann' });
  await three.nextOf('pusher:signin_success');
  await three.joined('#server-to-user-ann');
});
afterAll(async () => {
  for (const client of clients) await client[Symbol.asyncDispose]();
  await server.stop();
});

const get = (path: string, query: Record<string, string> = {}, at = server) =>
  api(at, 'GET', `/apps/app-id${path}`, { query });

describe('GET channels', () => {
  test.each<[query: Record<string, string>, json: string]>([
    [{}, '{"channels":{"a":{},"private-c":{},"cache-d":{},"presence-b":{}}}'],
    [{ filter_by_prefix: 'presence-' }, '{"channels":{"presence-b":{}}}'],
    [{ filter_by_prefix: 'presence-', info: 'user_count' }, '{"channels":{"presence-b":{"user_count":2}}}'],
    [{ filter_by_prefix: 'p', info: 'user_count' }, '{"channels":{"private-c":{},"presence-b":{"user_count":2}}}'],
    [{ filter_by_prefix: 'a', info: 'subscription_count' }, '{"channels":{"a":{"subscription_count":2}}}'],
    [
      { filter_by_prefix: 'presence-', info: 'subscription_count,user_count' },
      '{"channels":{"presence-b":{"user_count":2,"subscription_count":3}}}',
    ],
    [{ filter_by_prefix: 'none-' }, '{"channels":{}}'],
    [
      { filter_by_prefix: '', info: 'nonsense,cache' },
      '{"channels":{"a":{},"private-c":{},"cache-d":{},"presence-b":{}}}',
    ],
    [{ filter_by_prefix: '#server' }, '{"channels":{}}'],
  ])('REC http-api §4: %j lists occupied channels, without the users’ own, as an object', async (query, json) => {
    expectJson(await get('/channels', query), json);
  });

  test('REC http-api §4: a strict app answers 400 to user_count without a presence- prefix, in hosted Pusher’s words', async () => {
    await using strict = await startServer({ strict: true });
    const text =
      'user_count may only be requested for presence channels - ' +
      'please supply filter_by_prefix begining with presence-';
    expectRefusal(await get('/channels', { info: 'user_count' }, strict), 400, text);
    expectRefusal(await get('/channels', { info: 'user_count', filter_by_prefix: 'presence' }, strict), 400, text);
    const query = { info: 'user_count', filter_by_prefix: 'presence-' };
    expectJson(await get('/channels', query, strict), '{"channels":{}}');
    expectJson(await get('/channels', { info: 'subscription_count' }, strict), '{"channels":{}}');
  });

  test('never shows the channels of another app', async () => {
    const other = { id: 'other', key: 'other-key', secret: 'other-secret' };
    await using two = await startServer({}, { apps: [other] });
    await using client = await connect(two);
    await client.joined('mine');
    const request = { query: { auth_key: other.key }, secret: other.secret };
    expectJson(await api(two, 'GET', '/apps/other/channels', request), '{"channels":{}}');
    expectJson(await api(two, 'GET', '/apps/other/channels/mine', request), '{"occupied":false}');
    expectJson(await get('/channels', {}, two), '{"channels":{"mine":{}}}');
  });
});

describe('GET one channel', () => {
  test.each<[channel: string, info: string | undefined, json: string]>([
    ['a', undefined, '{"occupied":true}'],
    ['a', 'subscription_count', '{"occupied":true,"subscription_count":2}'],
    ['a', 'user_count', '{"occupied":true}'],
    ['a', 'user_count,subscription_count,cache', '{"occupied":true,"subscription_count":2}'],
    ['a', 'occupied,nonsense', '{"occupied":true}'],
    ['presence-b', 'user_count', '{"occupied":true,"user_count":2}'],
    ['presence-b', 'user_count,subscription_count', '{"occupied":true,"user_count":2,"subscription_count":3}'],
    ['cache-d', 'cache', '{"occupied":true,"cache":null}'],
    ['cache-d', undefined, '{"occupied":true}'],
    ['nobody', undefined, '{"occupied":false}'],
    ['nobody', 'user_count,subscription_count', '{"occupied":false,"subscription_count":0}'],
    ['presence-nobody', 'user_count,subscription_count', '{"occupied":false,"user_count":0,"subscription_count":0}'],
    ['__proto__', 'subscription_count', '{"occupied":false,"subscription_count":0}'],
  ])('REC http-api §5: %s with info=%s is %s, never 404', async (channel, info, json) => {
    expectJson(await get(`/channels/${channel}`, info === undefined ? {} : { info }), json);
  });

  test('REC http-api §5: cache is the last event’s data and the seconds it is still kept', async () => {
    await using short = await startServer({ cacheTtlSeconds: 60 });
    for (const data of ['old', '{"new":true}']) await trigger(short, { name: 'e', channel: 'cache-x', data });
    const { json } = await get('/channels/cache-x', { info: 'cache' }, short);
    expect(json).toEqual({ occupied: false, cache: { data: '{"new":true}', ttl: expect.any(Number) } });
    const { ttl } = (json as { cache: { ttl: number } }).cache;
    expect(ttl).toBeGreaterThan(40);
    expect(ttl).toBeLessThanOrEqual(60);
  });

  test('REC http-api §5: a strict app answers 400 to user_count of a channel without presence', async () => {
    await using strict = await startServer({ strict: true });
    const text = 'Cannot retrieve the user count unless the channel is a presence channel';
    expectRefusal(await get('/channels/a', { info: 'user_count' }, strict), 400, text);
    expectJson(await get('/channels/presence-a', { info: 'user_count' }, strict), '{"occupied":false,"user_count":0}');
  });

  test('is told in time of a channel that is vacated', async () => {
    await using client = await connect(server);
    await client.joined('vacated');
    expectJson(await get('/channels/vacated'), '{"occupied":true}');
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'vacated' } });
    await client.expectNothing();
    expectJson(await get('/channels/vacated'), '{"occupied":false}');
  });

  test.each(['a%20b', '%23ann', 'a%2Fb', '%00', 'x'.repeat(201), '%F0%9F%8E%89'])(
    'answers 400 to %s, which no channel can be called',
    async (segment) => {
      const answer = await get(`/channels/${segment}`);
      expectRefusal(answer, 400, `Invalid channel name ${decodeURIComponent(segment)}`);
    },
  );
});

describe('GET users of a channel', () => {
  test('REC http-api §6: lists each user once, ids as strings, nothing else of them', async () => {
    expectJson(await get('/channels/presence-b/users'), '{"users":[{"id":"7"},{"id":"ü 8"}]}');
  });

  test('REC http-api §6: is empty with status 200 for a channel nobody is on', async () => {
    expectJson(await get('/channels/presence-nobody/users'), '{"users":[]}');
  });

  test.each(['a', 'private-c', 'nobody', 'Presence-b', 'presence'])(
    'REC limits §3: answers 400 on %s in hosted Pusher’s words',
    async (channel) => {
      const answer = await get(`/channels/${channel}/users`);
      expectRefusal(answer, 400, 'Users can only be retrieved for presence channels');
    },
  );
});
