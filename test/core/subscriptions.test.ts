// Subscribe and unsubscribe in every kind of channel: who is let in, what is answered, what is left of a refusal.
import { describe, expect, test } from 'vitest';
import { createHarness, token } from './support/harness.ts';

const unauthorized = (channel: string) => [
  'pusher:error {"code":4009,"message":"Connection is unauthorized"}',
  `pusher:subscription_error ${channel} {"type":"AuthError","error":"The connection is unauthorized.","status":401}`,
];
const acknowledged = (channel: string) => `pusher_internal:subscription_succeeded ${channel} {}`;
const PING = { event: 'pusher:ping' };

describe('REC websocket §4.1, §4.2: every kind of channel is acknowledged', () => {
  test.each([
    ['news', undefined, [acknowledged('news')]],
    ['privateer', undefined, [acknowledged('privateer')]],
    ['private-x', undefined, [acknowledged('private-x')]],
    ['private-encrypted-x', undefined, [acknowledged('private-encrypted-x')]],
    ['cache-x', undefined, [acknowledged('cache-x'), 'pusher:cache_miss cache-x {}']],
    ['private-cache-x', undefined, [acknowledged('private-cache-x'), 'pusher:cache_miss private-cache-x {}']],
    [
      'private-encrypted-cache-x',
      undefined,
      [acknowledged('private-encrypted-cache-x'), 'pusher:cache_miss private-encrypted-cache-x {}'],
    ],
    [
      'presence-x',
      { user_id: '7' },
      ['pusher_internal:subscription_succeeded presence-x {"presence":{"count":1,"ids":["7"],"hash":{"7":null}}}'],
    ],
    [
      'presence-cache-x',
      { user_id: '7' },
      [
        'pusher_internal:subscription_succeeded presence-cache-x {"presence":{"count":1,"ids":["7"],"hash":{"7":null}}}',
        'pusher:cache_miss presence-cache-x {}',
      ],
    ],
  ])('%s', async (channel, data, answer) => {
    await using harness = await createHarness();
    const client = await harness.connect();
    expect(await client.subscribe(channel, data)).toEqual(answer);
    await harness.trigger({ channels: [channel], name: 'hello', data: 'world' });
    expect(await client.read()).toEqual([`hello ${channel} world`]);
    expect(await client.unsubscribe(channel)).toEqual([]);
    await harness.trigger({ channels: [channel] });
    expect(await client.ask(PING)).toEqual(['pusher:pong {}']);
    expect(await harness.remains()).toEqual({ topics: 0, channels: [] });
  });
});

test('a channel is announced occupied by the first and vacated by the last, each once', async () => {
  await using harness = await createHarness();
  const clients = [await harness.connect(), await harness.connect()];
  for (const client of clients) await client.subscribe('news');
  expect(harness.takeFacts()).toEqual(['channel_occupied news']);
  await clients[0]?.unsubscribe('news');
  await clients[0]?.unsubscribe('news');
  expect(harness.takeFacts()).toEqual([]);
  await clients[1]?.close();
  expect(harness.takeFacts()).toEqual(['channel_vacated news']);
});

describe('REC websocket §4.3, auth §2: a join that is not signed is refused, and leaves nothing behind', () => {
  test.each<[what: string, channel: string, auth: (id: string) => string, data?: string]>([
    ['no auth', 'private-x', () => ''],
    ['malformed auth', 'private-x', () => 'nonsense'],
    ['another secret', 'private-x', (id) => token(`${id}:private-x`, { key: 'key', secret: 'other' })],
    ['another app’s key', 'private-x', (id) => token(`${id}:private-x`, { key: 'other', secret: 'secret' })],
    ['signed for another socket', 'private-x', () => token(`1.2:private-x`)],
    ['signed for another channel', 'private-x', (id) => token(`${id}:private-y`)],
    ['signed for the channel without its dash', 'private-x', (id) => token(`${id}:privatex`)],
    ['a sign-in token', 'private-x', (id) => token(`${id}::user::private-x`)],
    ['an encrypted channel', 'private-encrypted-x', (id) => token(`${id}:private-x`)],
    ['a cache channel', 'private-cache-x', () => ''],
    ['presence, signed without its data', 'presence-x', (id) => token(`${id}:presence-x`), '{"user_id":"7"}'],
    [
      'presence, signed for other data',
      'presence-x',
      (id) => token(`${id}:presence-x:{"user_id":"8"}`),
      '{"user_id":"7"}',
    ],
    ['presence, signed but sent without data', 'presence-x', (id) => token(`${id}:presence-x:{"user_id":"8"}`)],
    [
      'presence, the data written anew',
      'presence-x',
      (id) => token(`${id}:presence-x:{"user_id":7}`),
      '{"user_id": 7}',
    ],
    ['private, data signed neither way', 'private-x', (id) => token(`${id}:private-x:{}`), '{"a":1}'],
    ['another user’s own channel', '#server-to-user-7', () => ''],
  ])('%s', async (_, channel, auth, data) => {
    await using harness = await createHarness();
    const client = await harness.connect();
    expect(await client.subscribe(channel, data, auth(client.socketId))).toEqual(unauthorized(channel));
    expect(client.transport.closedWith).toBe(undefined);
    expect(await harness.remains()).toEqual({ topics: 0, channels: [] });
    expect(harness.takeFacts()).toEqual([]);
    await harness.trigger({ channels: [channel] });
    expect(await client.ask(PING)).toEqual(['pusher:pong {}']);
  });

  test('REC websocket §4.3: code null in strict parity with hosted', async () => {
    await using harness = await createHarness({ strict: true });
    const client = await harness.connect();
    expect(await client.subscribe('private-x', undefined, '')).toEqual([
      'pusher:error {"code":null,"message":"Connection is unauthorized"}',
      ...unauthorized('private-x').slice(1),
    ]);
  });

  test('channel_data that is an object and not its text is refused on the channel too, as nobody signed it', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    const data = {
      channel: 'presence-x',
      auth: token(`${client.socketId}:presence-x`),
      channel_data: { user_id: '7' },
    };
    client.say({ event: 'pusher:subscribe', data });
    expect(await client.read()).toEqual(unauthorized('presence-x'));
  });

  test('a token for the former socket is refused, and the right one that follows is taken', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    client.subscribing('private-x', undefined, token('1.2:private-x'));
    client.subscribing('private-x');
    expect(await client.read()).toEqual([...unauthorized('private-x'), acknowledged('private-x')]);
  });
});

describe('REC auth §2: channel_data on channels without presence', () => {
  test.each<[what: string, signed: (id: string) => string]>([
    ['is part of what is signed', (id) => token(`${id}:private-x:{"a":1}`)],
    ['may be left out of it, and is then nobody’s word', (id) => token(`${id}:private-x`)],
  ])('%s', async (_, signed) => {
    await using harness = await createHarness({ clientEvents: true });
    const client = await harness.connect();
    const other = await harness.connect();
    expect(await client.subscribe('private-x', '{"a":1}', signed(client.socketId))).toEqual([
      acknowledged('private-x'),
    ]);
    await other.subscribe('private-x');
    client.say({ event: 'client-a', channel: 'private-x', data: '1' });
    expect(await other.read()).toEqual(['client-a private-x 1']);
  });

  test('on a public channel nothing is signed, and it is ignored', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    expect(await client.subscribe('news', '{"user_id":"7"}')).toEqual([acknowledged('news')]);
  });
});

describe('REC limits §2: names', () => {
  const convention =
    'The channel name is not allowed. Read channel conventions: ' +
    'https://pusher.com/docs/channels/using_channels/channels/#channel-naming-conventions';
  const tooLong = 'The channel name is longer than the allowed 200 characters.';

  test.each(['', 'a b', 'a:b', 'private-ä', '#news', '#server-to-user-', 'a/b', '__proto__\n'])(
    '%j is answered with soketi’s text, on the error and on the channel',
    async (channel) => {
      await using harness = await createHarness();
      const client = await harness.connect();
      expect(await client.subscribe(channel)).toEqual([
        `pusher:error {"code":4009,"message":"${convention}"}`,
        `pusher:subscription_error ${channel} {"error":"${convention}","status":4009}`,
      ]);
      expect(client.transport.closedWith).toBe(undefined);
      expect(await harness.remains()).toEqual({ topics: 0, channels: [] });
    },
  );

  test('200 characters are allowed, 201 are too long', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    const name = 'x'.repeat(200);
    expect(await client.subscribe(name)).toEqual([acknowledged(name)]);
    expect(await client.subscribe(`${name}x`)).toEqual([
      `pusher:error {"code":4009,"message":"${tooLong}"}`,
      `pusher:subscription_error ${name}x {"type":"LimitReached","error":"${tooLong}","status":4009}`,
    ]);
  });

  test.each(['__proto__', 'constructor', 'toString'])('%s is a channel like any other', async (channel) => {
    await using harness = await createHarness();
    const client = await harness.connect();
    expect(await client.subscribe(channel)).toEqual([acknowledged(channel)]);
    await harness.trigger({ channels: [channel] });
    expect(await client.read()).toEqual([`e ${channel} d`]);
  });

  test('REC limits §4: any printable name where the app says so', async () => {
    await using harness = await createHarness({ anyChannelName: true });
    const client = await harness.connect();
    expect(await client.subscribe('room: 日本 / 🎺')).toEqual([acknowledged('room: 日本 / 🎺')]);
  });
});

test('channels per connection: the one above the limit is refused, a repeated one is not', async () => {
  await using harness = await createHarness({ limits: { channelsPerConnection: 2 } });
  const client = await harness.connect();
  await client.subscribe('a');
  await client.subscribe('b');
  const text = 'The maximum of 2 channels per connection was reached.';
  expect(await client.subscribe('c')).toEqual([
    `pusher:error {"code":4301,"message":"${text}"}`,
    `pusher:subscription_error c {"type":"LimitReached","error":"${text}","status":4301}`,
  ]);
  expect(await client.subscribe('b')).toEqual([acknowledged('b')]);
  await client.unsubscribe('a');
  expect(await client.subscribe('c')).toEqual([acknowledged('c')]);
});

describe('REC websocket §4.4: a repeated subscribe', () => {
  test('is acknowledged again, and counts once', async () => {
    await using harness = await createHarness({ subscriptionCount: true });
    const client = await harness.connect();
    await client.subscribe('news');
    harness.takeFacts();
    expect(await client.subscribe('news')).toEqual([acknowledged('news')]);
    expect(harness.takeFacts()).toEqual([]);
    expect(await harness.adapters.tracker.counts('app', ['news'])).toEqual([{ subscriptionCount: 1, userCount: 0 }]);
    await harness.trigger({});
    expect(await client.read()).toEqual(['e news d']);
    await client.unsubscribe('news');
    expect(await harness.remains()).toEqual({ topics: 0, channels: [] });
  });

  test('is verified again, and a failure keeps the subscription', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.subscribe('private-x');
    expect(await client.subscribe('private-x', undefined, 'key:nonsense')).toEqual(unauthorized('private-x'));
    await harness.trigger({ channels: ['private-x'] });
    expect(await client.read()).toEqual(['e private-x d']);
  });

  test('replays the cache', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.subscribe('cache-x');
    await harness.trigger({ channels: ['cache-x'], data: '1' });
    await client.read();
    expect(await client.subscribe('cache-x')).toEqual([acknowledged('cache-x'), 'e cache-x 1']);
  });
});

test('apps do not hear each other, also with the same channel', async () => {
  await using harness = await createHarness();
  const client = await harness.connect();
  await client.subscribe('news');
  await harness.trigger({}, { ...harness.app, id: 'other' });
  expect(await client.ask(PING)).toEqual(['pusher:pong {}']);
});
