// What POST events refuses: each with the text that helps, in the promised order, and nothing is published.
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

const EVENTS = '/apps/app-id/events';
const event = { name: 'e', channel: 'a', data: 'x' };
const names = (count: number) => Array.from({ length: count }, (_, number) => `many-${number}`);
const TOO_LARGE =
  'The data content of this event exceeds the allowed maximum (10240 bytes). See ' +
  'https://pusher.com/docs/channels/server_api/http-api#publishing-events for more info';

describe('REC limits §3', () => {
  test.each<[what: string, body: object, status: number, text: string]>([
    ['data > limit', { ...event, data: 'x'.repeat(10_241) }, 413, `${TOO_LARGE} (it has 10241 bytes, for channel a)`],
    [
      'data > limit in UTF-8',
      { ...event, data: 'é'.repeat(5121) },
      413,
      `${TOO_LARGE} (it has 10242 bytes, for channel a)`,
    ],
    ['> 100 channels', { ...event, channels: names(101) }, 400, 'Cannot broadcast to more than 100 channels at once'],
    [
      'event name too long',
      { ...event, name: 'x'.repeat(201) },
      400,
      'Event name is too long. Maximum allowed size is 200.',
    ],
    ['bad channel name', { ...event, channel: 'a b' }, 400, 'Invalid channel name a b'],
    ['one bad channel name of several', { ...event, channels: ['a', 'a/b'] }, 400, 'Invalid channel name a/b'],
    ['channel name too long', { ...event, channel: 'x'.repeat(201) }, 400, `Invalid channel name ${'x'.repeat(201)}`],
    ['empty channel name', { ...event, channel: '' }, 400, 'Invalid channel name '],
    ['missing name', { channel: 'a', data: 'x' }, 400, 'Missing required parameter: name'],
    ['missing data', { name: 'e', channel: 'a' }, 400, 'Missing required parameter: data'],
    ['missing channel', { name: 'e', data: 'x' }, 400, 'Missing required parameter: channel'],
    ['malformed socket_id', { ...event, socket_id: '1.1:x' }, 400, 'Invalid socket id 1.1:x'],
    ['socket_id with a line break', { ...event, socket_id: '1.1\n' }, 400, 'Invalid socket id 1.1\n'],
    ['empty socket_id', { ...event, socket_id: '' }, 400, 'Invalid socket id '],
  ])('%s', async (_what, body, status, text) => {
    expectRefusal(await trigger(server, body), status, text);
  });

  test.each<[what: string, body: object]>([
    ['data at the limit', { ...event, data: 'x'.repeat(10_240) }],
    ['data at the limit in UTF-8', { ...event, data: 'é'.repeat(5120) }],
    ['100 channels', { ...event, channels: names(100) }],
    ['an event name of 200 characters', { ...event, name: 'é'.repeat(200) }],
    ['a channel name of 200 characters', { ...event, channel: 'x'.repeat(200) }],
    ['every allowed character', { ...event, channel: 'azAZ09_-=@,.;' }],
  ])('%s is accepted', async (_what, body) => {
    expectJson(await trigger(server, body), '{}');
  });

  test('limits are the app’s', async () => {
    const limits = { payloadBytes: 5, channelsPerEvent: 1, eventNameLength: 2, channelNameLength: 3 };
    await using small = await startServer({ limits });
    expectJson(await trigger(small, { name: 'ee', channel: 'abc', data: '12345' }), '{}');
    const refused: [object, number, RegExp][] = [
      [{ ...event, data: '123456' }, 413, /maximum \(5 bytes\).*it has 6 bytes/],
      [{ ...event, channels: ['a', 'b'] }, 400, /more than 1 channels/],
      [{ ...event, name: 'eee' }, 400, /Maximum allowed size is 2\./],
      [{ ...event, channel: 'abcd' }, 400, /Invalid channel name abcd/],
    ];
    for (const [body, status, text] of refused) expectRefusal(await trigger(small, body), status, text);
  });

  test('one switch allows any printable character in channel names (limits §4)', async () => {
    await using lenient = await startServer({ anyChannelName: true });
    await using client = await connect(lenient);
    await client.joined('päge: 1/2');
    expectJson(await trigger(lenient, { ...event, channel: 'päge: 1/2' }), '{}');
    expect(await client.next()).toEqual({ event: 'e', channel: 'päge: 1/2', data: 'x' });
    expectRefusal(await trigger(lenient, { ...event, channel: 'a\nb' }), 400, 'Invalid channel name a\nb');
  });
});

test.each(['pusher:ping', 'pusher:', 'pusher_internal:member_added'])(
  'REC websocket §12: refuses the event name %s, which would forge a protocol frame',
  async (name) => {
    await using client = await connect(server);
    await client.joined('forged');
    const answer = await trigger(server, { name, channel: 'forged', data: 'x' });
    expectRefusal(
      answer,
      400,
      `Invalid event name ${name}: names starting with pusher: or pusher_internal: are reserved`,
    );
    await client.expectNothing();
  },
);

test.each<[body: string, text: string | RegExp]>([
  ['', 'The request body is not valid JSON in UTF-8.'],
  ['{', 'The request body is not valid JSON in UTF-8.'],
  ["{'name':'e'}", 'The request body is not valid JSON in UTF-8.'],
  ['name=e&channel=a&data=x', 'The request body is not valid JSON in UTF-8.'],
  ['\ufeff{}', 'The request body is not valid JSON in UTF-8.'],
  ['[]', 'The request body must be a JSON object.'],
  ['null', 'The request body must be a JSON object.'],
  ['"x"', 'The request body must be a JSON object.'],
  ['7', 'The request body must be a JSON object.'],
  ['{}', 'Missing required parameter: name'],
  ['{"name":"","channel":"a","data":"x"}', 'Invalid name: must not be empty'],
  ['{"name":7,"channel":"a","data":"x"}', 'Invalid name: expected a string'],
  ['{"name":null,"channel":"a","data":"x"}', 'Invalid name: expected a string'],
  ['{"name":["e"],"channel":"a","data":"x"}', 'Invalid name: expected a string'],
  ['{"name":"e","channel":["a"],"data":"x"}', 'Invalid channel: expected a string'],
  ['{"name":"e","channel":null,"data":"x"}', /^Invalid channel: |^Missing required parameter: channel$/],
  ['{"name":"e","channels":"a","data":"x"}', 'Invalid channels: expected an array of strings'],
  ['{"name":"e","channels":{"0":"a"},"data":"x"}', 'Invalid channels: expected an array of strings'],
  ['{"name":"e","channels":["a",7],"data":"x"}', 'Invalid channels.1: expected a string'],
  ['{"name":"e","channels":[],"data":"x"}', 'Invalid channels: must name at least one channel'],
  ['{"name":"e","channel":"a","data":"x","socket_id":1.1}', 'Invalid socket_id: expected a string'],
  ['{"name":"e","channel":"a","data":"x","info":7}', 'Invalid info: expected a string'],
  ['{"name":"e","channel":"a","data":"x","info":["user_count"]}', 'Invalid info: expected a string'],
  ['{"__proto__":{"name":"e","channel":"a","data":"x"}}', 'Missing required parameter: name'],
])('REC http-api §1.1: answers the body %j with 400 that says why', async (body, text) => {
  expectRefusal(await api(server, 'POST', EVENTS, { body }), 400, text);
});

test('answers wrong UTF-8 with 400 instead of publishing something else', async () => {
  await using client = await connect(server);
  await client.joined('utf8');
  const body = Buffer.concat([
    Buffer.from('{"name":"e","channel":"utf8","data":"'),
    Buffer.from([0xc3, 0x28]),
    Buffer.from('"}'),
  ]);
  expectRefusal(await api(server, 'POST', EVENTS, { body }), 400, 'The request body is not valid JSON in UTF-8.');
  await client.expectNothing();
});

test.each(['[', '{"a":'])('survives %s nested as deep as a body may be', async (open) => {
  const depth = 60_000 / open.length;
  const body = `{"name":"e","channel":"a","data":${open.repeat(depth)}1${(open === '[' ? ']' : '}').repeat(depth)}}`;
  expectRefusal(await api(server, 'POST', EVENTS, { body }), 400, 'Invalid data: nests too deeply');
  expectRefusal(await api(server, 'POST', EVENTS, { body: open.repeat(depth) }), 400, /not valid JSON/);
});

describe('REC http-api §1.1: checks in the order size, app, signature, JSON, fields', () => {
  const limit = 10 * 10_240 * 6 + 32_768;
  test.each<[what: string, path: string, body: string, secret: string, status: number, text: string | RegExp]>([
    [
      'size before signature',
      EVENTS,
      'x'.repeat(limit + 1),
      'wrong',
      413,
      /has 647169 bytes, the limit is 647168 bytes/,
    ],
    ['app before signature', '/apps/no-app/events', '{', 'wrong', 404, 'No matching application for ID [no-app].'],
    ['signature before JSON', EVENTS, '{', 'wrong', 401, /^Invalid signature/],
    ['JSON before fields', EVENTS, '{"name":7,', 'app-secret', 400, /not valid JSON/],
    ['fields last', EVENTS, '{"name":7}', 'app-secret', 400, /^Missing required parameter: data/],
  ])('%s', async (_what, path, body, secret, status, text) => {
    expectRefusal(await api(server, 'POST', path, { body, secret }), status, text);
  });
});

describe('the rate of an app', () => {
  test('REC limits §3: is answered with 429 and the headers that say when to come back', async () => {
    await using limited = await startServer({ limits: { eventsPerSecond: 3 } });
    await using client = await connect(limited);
    await client.joined('a');
    const batch = [1, 2, 3].map((data) => ({ ...event, data }));
    expectJson(await api(limited, 'POST', '/apps/app-id/batch_events', { body: { batch } }), '{}');
    const answer = await trigger(limited, event);
    expectRefusal(answer, 429, 'Too many requests.');
    const headers = ['retry-after', 'x-ratelimit-limit', 'x-ratelimit-remaining'].map((name) =>
      answer.headers.get(name),
    );
    expect(headers).toEqual(['1', '3', '0']);
    for (const data of ['1', '2', '3']) expect(await client.next()).toMatchObject({ data });
    await client.expectNothing();
  });

  test('refuses a batch that could never pass with 400, not with a time to come back', async () => {
    await using limited = await startServer({ limits: { eventsPerSecond: 3 } });
    const body = { batch: Array(4).fill(event) };
    const answer = await api(limited, 'POST', '/apps/app-id/batch_events', { body });
    expectRefusal(answer, 400, 'Batch too large (4 > 3)');
    expect(answer.headers.get('retry-after')).toBeNull();
  });

  test('does not hold up questions, and is not spent on events that are refused', async () => {
    await using limited = await startServer({ limits: { eventsPerSecond: 1 } });
    for (let n = 0; n < 3; n += 1) {
      expectJson(await api(limited, 'GET', '/apps/app-id/channels'), '{"channels":{}}');
      expect((await trigger(limited, { name: 'e' })).status).toBe(400);
    }
    expectJson(await trigger(limited, event), '{}');
  });
});
