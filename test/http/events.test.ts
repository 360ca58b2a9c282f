// POST events: what is published, to whom, and what is answered (http-api.md §2).
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { api, trigger } from '../support/api.ts';
import { connect } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectJson, expectRefusal } from './support/answers.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const event = { name: 'e', channel: 'a', data: 'x' };

test('the data may have any names, is published as it came, and changes nothing here', async () => {
  await using client = await connect(server);
  await client.joined('names');
  const data = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
  await trigger(server, { name: 'e', channel: 'names', data: JSON.parse(data) });
  expect(await client.next()).toEqual({ event: 'e', channel: 'names', data });
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
});

describe('the answer', () => {
  test.each([
    ['channel', event],
    ['channels', { name: 'e', channels: ['a'], data: 'x' }],
    ['several channels', { name: 'e', channels: ['a', 'private-b', 'presence-c'], data: 'x' }],
    ['unknown fields', { ...event, tags: { a: 1 }, delta: true }],
    ['null for socket_id and info', { ...event, socket_id: null, info: null }],
    ['an unknown socket_id', { ...event, socket_id: '1.1' }],
    [
      'fields that every object has',
      JSON.parse(
        '{"name":"e","channel":"a","data":"x","__proto__":{"channels":["b"]},"constructor":{"prototype":{"polluted":1}}}',
      ),
    ],
  ])('REC http-api §2: is {} for an event with %s', async (_what, body) => {
    expectJson(await trigger(server, body), '{}');
  });

  test('REC http-api §2: takes channels where channel is given too', async () => {
    await using client = await connect(server);
    await client.joined('both-channel');
    await client.joined('both-channels');
    await trigger(server, { name: 'e', channel: 'both-channel', channels: ['both-channels'], data: 'x' });
    expect(await client.next()).toEqual({ event: 'e', channel: 'both-channels', data: 'x' });
    await client.expectNothing();
  });
});

describe('counts', () => {
  test.each([
    ['user_count', '{"channels":{"presence-C":{"user_count":1},"C":{}}}', 'omits user_count elsewhere'],
    [
      'subscription_count',
      '{"channels":{"presence-C":{"subscription_count":2},"C":{"subscription_count":1}}}',
      'includes subscription_count on presence channels',
    ],
    [
      'user_count,subscription_count',
      '{"channels":{"presence-C":{"user_count":1,"subscription_count":2},"C":{"subscription_count":1}}}',
      'gives both',
    ],
    [
      'subscription_count, user_count ,nonsense',
      '{"channels":{"presence-C":{"user_count":1,"subscription_count":2},"C":{"subscription_count":1}}}',
      'ignores spaces and unknown names',
    ],
    ['nonsense', '{"channels":{"presence-C":{},"C":{}}}', 'has a key for each channel'],
  ])('REC http-api §2: info=%s is answered with %s', async (info, expected) => {
    const name = `counts-${info.replace(/\W/g, '')}`;
    await using one = await connect(server);
    await using other = await connect(server);
    for (const client of [one, other]) await client.joined(`presence-${name}`, { user_id: '1' });
    await one.joined(name);
    const answer = await trigger(server, { name: 'e', data: 'x', channels: [`presence-${name}`, name], info });
    expectJson(answer, expected.replaceAll('C"', `${name}"`));
  });

  test('REC http-api §2: counts 0 on channels that nobody is on', async () => {
    const answer = await trigger(server, {
      name: 'e',
      data: 'x',
      channels: ['presence-nobody', 'nobody'],
      info: 'user_count,subscription_count',
    });
    expectJson(
      answer,
      '{"channels":{"presence-nobody":{"user_count":0,"subscription_count":0},"nobody":{"subscription_count":0}}}',
    );
  });

  test('has one key for a channel that is named twice', async () => {
    const answer = await trigger(server, {
      name: 'e',
      data: 'x',
      channels: ['twice', 'twice'],
      info: 'subscription_count',
    });
    expectJson(answer, '{"channels":{"twice":{"subscription_count":0}}}');
  });

  test('takes __proto__ and constructor as the channel names they are', async () => {
    await using client = await connect(server);
    await client.joined('__proto__');
    const channels = ['__proto__', 'constructor'];
    const answer = await trigger(server, { name: 'e', data: 'x', channels, info: 'subscription_count' });
    expectJson(answer, '{"channels":{"__proto__":{"subscription_count":1},"constructor":{"subscription_count":0}}}');
    expect(await client.next()).toEqual({ event: 'e', channel: '__proto__', data: 'x' });
  });
});

describe('delivery', () => {
  test('delivers once per channel, also where a channel is named twice', async () => {
    await using client = await connect(server);
    for (const channel of ['once-a', 'once-b']) await client.joined(channel);
    await trigger(server, { name: 'e', data: 'x', channels: ['once-a', 'once-b', 'once-a', 'once-a'] });
    expect(await client.next()).toEqual({ event: 'e', channel: 'once-a', data: 'x' });
    expect(await client.next()).toEqual({ event: 'e', channel: 'once-b', data: 'x' });
    await client.expectNothing();
  });

  test('excludes the connection of socket_id and no other', async () => {
    await using sender = await connect(server);
    await using other = await connect(server);
    for (const client of [sender, other]) await client.joined('excluded');
    expectJson(await trigger(server, { ...event, channel: 'excluded', socket_id: sender.socketId }), '{}');
    expect(await other.next()).toEqual({ event: 'e', channel: 'excluded', data: 'x' });
    await sender.expectNothing();
  });

  test('REC http-api §10: everyone receives an event with an unknown socket_id', async () => {
    await using client = await connect(server);
    await client.joined('unknown-socket');
    expectJson(await trigger(server, { ...event, channel: 'unknown-socket', socket_id: '123.456' }), '{}');
    expect(await client.next()).toEqual({ event: 'e', channel: 'unknown-socket', data: 'x' });
  });

  test.each([
    String.raw`App\Events\OrderShipped`,
    'order.shipped',
    'Order shipped to "Ann"',
    'zażółć 🎉 \u2028',
    'client-like',
    'pusher',
    'pusher-internal:x',
    '__proto__',
    '\t\n\u0000',
    'x'.repeat(200),
  ])('carries the event name %j untouched', async (name) => {
    await using client = await connect(server);
    await client.joined('names');
    expectJson(await trigger(server, { name, channel: 'names', data: '{}' }), '{}');
    expect(await client.next()).toEqual({ event: name, channel: 'names', data: '{}' });
  });

  test.each([
    '',
    'plain text',
    '{"a":1}',
    '{"spaces" : [ 1,2 ]}',
    '"quoted"',
    'line\nbreak',
    '\u0000',
    '€🎉\u2029',
    'null',
  ])('relays the string %j byte for byte', async (data) => {
    await using client = await connect(server);
    await client.joined('strings');
    await trigger(server, { name: 'e', channel: 'strings', data });
    expect(await client.nextText()).toBe(`{"event":"e","channel":"strings","data":${JSON.stringify(data)}}`);
  });

  test.each([
    ['an object', '{"b":1,"a":[true,null]}', '{"b":1,"a":[true,null]}'],
    ['an array', '[1,"2"]', '[1,"2"]'],
    ['a number', '1.50', '1.5'],
    ['true', 'true', 'true'],
    ['null', 'null', 'null'],
    ['__proto__ as a key', '{"__proto__":{"x":1}}', '{"__proto__":{"x":1}}'],
  ])('REC http-api §2: makes a string of data that is %s', async (_what, json, data) => {
    await using client = await connect(server);
    await client.joined('values');
    expectJson(await post(`{"name":"e","channel":"values","data":${json}}`), '{}');
    expect(await client.next()).toEqual({ event: 'e', channel: 'values', data });
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  test('keeps the order of events that are sent one after the other', async () => {
    await using client = await connect(server);
    await client.joined('order');
    const numbers = Array.from({ length: 50 }, (_, number) => String(number));
    for (const data of numbers) await trigger(server, { name: 'e', channel: 'order', data });
    for (const data of numbers) expect(await client.next()).toMatchObject({ data });
  });

  test('REC http-api §8: publishes to a user on #server-to-user-, and refuses every other # name', async () => {
    await using client = await connect(server);
    client.signIn({ id: 'ann' });
    await client.nextOf('pusher:signin_success');
    await client.joined('#server-to-user-ann');
    expectJson(await trigger(server, { ...event, channel: '#server-to-user-ann' }), '{}');
    expect(await client.next()).toEqual({ event: 'e', channel: '#server-to-user-ann', data: 'x' });
    for (const channel of ['#server-to-users-ann', '#ann', '#', '#server-to-user-']) {
      expectRefusal(await trigger(server, { ...event, channel }), 400, `Invalid channel name ${channel}`);
    }
  });

  test('REC websocket §9: keeps an event of a cache channel, also for the socket it excluded', async () => {
    await using client = await connect(server);
    await client.joined('cache-kept');
    await client.nextOf('pusher:cache_miss');
    await trigger(server, { ...event, channel: 'cache-kept', socket_id: client.socketId });
    await client.expectNothing();
    await client.joined('cache-kept');
    expect(await client.next()).toEqual({ event: 'e', channel: 'cache-kept', data: 'x' });
  });
});

const post = (body: string) => api(server, 'POST', '/apps/app-id/events', { body });
