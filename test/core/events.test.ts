// Events from the API: everything is checked before anything is published.
import { describe, expect, test, vi } from 'vitest';
import type { EventRequest } from '../../src/protocol/api.ts';
import { RequestError } from '../../src/protocol/errors.ts';
import { createHarness, type Harness, suspend } from './support/harness.ts';
import { settle } from './support/time.ts';

const request = (event: Partial<EventRequest> = {}): EventRequest => ({
  name: 'e',
  data: 'd',
  channels: ['news'],
  socketId: undefined,
  asked: undefined,
  ...event,
});

async function refusalOf(harness: Harness, ...events: Partial<EventRequest>[]): Promise<[number, string]> {
  try {
    await harness.core.trigger(harness.app, events.map(request));
    return [200, ''];
  } catch (err) {
    expect(err).toBeInstanceOf(RequestError);
    const { status, message } = err as RequestError;
    return [status, message];
  }
}

describe('websocket §5: published events', () => {
  test('the same event to several channels is one frame a channel, also on one connection', async () => {
    await using harness = await createHarness();
    const [both, one] = [await harness.connect(), await harness.connect()];
    await both.subscribe('a');
    await both.subscribe('b');
    await one.subscribe('b');
    await harness.trigger({ channels: ['a', 'b', 'nobody'], name: 'App\\Events\\E', data: '{ "x" : 1 }' });
    expect(await both.readTexts()).toEqual([
      '{"event":"App\\\\Events\\\\E","channel":"a","data":"{ \\"x\\" : 1 }"}',
      '{"event":"App\\\\Events\\\\E","channel":"b","data":"{ \\"x\\" : 1 }"}',
    ]);
    expect(await one.read()).toHaveLength(1);
  });

  test('socket_id excepts exactly that connection, and an unknown one nobody', async () => {
    await using harness = await createHarness();
    const [sender, other] = [await harness.connect(), await harness.connect()];
    for (const client of [sender, other]) await client.subscribe('news');
    await harness.trigger({ data: '1', socketId: sender.socketId });
    await harness.trigger({ data: '2', socketId: '0.0' });
    expect(await sender.read()).toEqual(['e news 2']);
    expect(await other.read()).toEqual(['e news 1', 'e news 2']);
  });

  test('a batch keeps its order', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.subscribe('news');
    await client.subscribe('cache-x');
    await client.read();
    const events = [
      ['news', '1'],
      ['cache-x', '2'],
      ['news', '3'],
      ['cache-x', '4'],
    ] as const;
    await harness.core.trigger(
      harness.app,
      events.map(([channel, data]) => request({ channels: [channel], data })),
    );
    expect(await client.read()).toEqual(['e news 1', 'e cache-x 2', 'e news 3', 'e cache-x 4']);
  });
});

const LARGE =
  'The data content of this event exceeds the allowed maximum (10240 bytes). ' +
  'See https://pusher.com/docs/channels/server_api/http-api#publishing-events for more info';

describe('REC limits §3, websocket §12: a refused event has a status and a text, and nothing is published', () => {
  const many = Array.from({ length: 101 }, (_, index) => `c${index}`);
  test.each<[what: string, event: Partial<EventRequest>, status: number, text: string]>([
    ['event name too long', { name: 'x'.repeat(201) }, 400, 'Event name is too long. Maximum allowed size is 200.'],
    ...['pusher:x', 'pusher:', 'pusher_internal:member_added'].map((name): [string, object, number, string] => [
      `reserved name ${name}`,
      { name },
      400,
      `Invalid event name ${name}: names starting with pusher: or pusher_internal: are reserved`,
    ]),
    ['too many channels', { channels: many }, 400, 'Cannot broadcast to more than 100 channels at once'],
    ['a bad channel name', { channels: ['news', 'a b'] }, 400, 'Invalid channel name a b'],
    ['an empty channel name', { channels: [''] }, 400, 'Invalid channel name '],
    ['a channel name too long', { channels: ['x'.repeat(201)] }, 400, `Invalid channel name ${'x'.repeat(201)}`],
    ['a reserved channel', { channels: ['#news'] }, 400, 'Invalid channel name #news'],
    ['a malformed socket_id', { socketId: '1' }, 400, 'Invalid socket id 1'],
    ['an empty socket_id', { socketId: '' }, 400, 'Invalid socket id '],
    ['data too large', { data: 'x'.repeat(10_241) }, 413, `${LARGE} (it has 10241 bytes, for channel news)`],
    [
      'data too large in bytes',
      { data: `${'é'.repeat(5120)}x` },
      413,
      `${LARGE} (it has 10241 bytes, for channel news)`,
    ],
  ])('%s', async (_, event, status, text) => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.subscribe('news');
    await client.subscribe('cache-x');
    await client.read();
    expect(await refusalOf(harness, { channels: ['news', 'cache-x'] }, event)).toEqual([status, text]);
    expect(await client.ask({ event: 'pusher:ping' })).toEqual(['pusher:pong {}']);
    expect(await harness.adapters.eventCache.get('app', 'cache-x')).toBe(undefined);
    expect(harness.core.stats(harness.app).traffic.triggered).toBe(0);
  });

  test.each<[what: string, event: Partial<EventRequest>]>([
    ['a name of 200 characters', { name: 'x'.repeat(200) }],
    ['a name of any characters', { name: 'App\\Events\\Größe 🎺 "x"' }],
    ['a name that only begins like a reserved one', { name: 'pusher' }],
    ['client- names are the back-end’s too', { name: 'client-a' }],
    ['100 channels', { channels: many.slice(1) }],
    ['a user’s own channel', { channels: ['#server-to-user-7'] }],
    ['10 240 bytes', { data: 'é'.repeat(5120) }],
    ['empty data', { data: '' }],
  ])('%s is taken', async (_, event) => {
    await using harness = await createHarness();
    expect(await refusalOf(harness, event)).toEqual([200, '']);
  });
});

describe('REC limits §3: rate', () => {
  test('is off by default', async () => {
    await using harness = await createHarness();
    for (let count = 0; count < 300; count += 1) expect(await refusalOf(harness, {})).toEqual([200, '']);
  });

  test('above the app’s limit: 429 with Retry-After, each event of a batch counted', async () => {
    await using harness = await createHarness({ limits: { eventsPerSecond: 5 } });
    expect(await refusalOf(harness, {}, {}, {})).toEqual([200, '']);
    expect(await refusalOf(harness, {}, {}, {})).toEqual([429, 'Too many requests.']);
    expect(await refusalOf(harness, {}, {})).toEqual([200, '']);
    await expect(harness.trigger({})).rejects.toMatchObject({
      status: 429,
      headers: { 'retry-after': '1', 'x-ratelimit-limit': '5', 'x-ratelimit-remaining': '0' },
    });
    expect(harness.core.stats(harness.app).traffic.triggered).toBe(5);
  });

  test('a batch that no second could take is refused for good', async () => {
    await using harness = await createHarness({ limits: { eventsPerSecond: 2 } });
    expect(await refusalOf(harness, {}, {}, {})).toEqual([400, 'Batch too large (3 > 2)']);
    expect(await refusalOf(harness, {}, {})).toEqual([200, '']);
  });

  test('events that are refused for another reason do not count', async () => {
    await using harness = await createHarness({ limits: { eventsPerSecond: 1 } });
    await refusalOf(harness, { name: 'pusher:x' });
    expect(await refusalOf(harness, {})).toEqual([200, '']);
  });
});

describe('a broker or cache that fails', () => {
  test('an event that could not be published is not reported as published', async () => {
    await using harness = await createHarness();
    vi.spyOn(harness.adapters.broker, 'publish').mockRejectedValueOnce(new Error('down'));
    await expect(harness.trigger({ channels: ['a', 'b'] })).rejects.toThrow('down');
  });

  test('a publish that fails while the cache is waited for is answered, not left unhandled', async () => {
    await using harness = await createHarness();
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    // No spy: it would handle the rejection.
    harness.adapters.broker.publish = () => Promise.reject(new Error('down'));
    const gate = suspend(harness.adapters.eventCache, 'set');
    const triggered = expect(harness.trigger({ channels: ['news', 'cache-x'] })).rejects.toThrow('down');
    await gate.entered;
    await settle();
    gate.open();
    await triggered;
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  test('an event that could not be kept is not published after all', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.subscribe('cache-x');
    suspend(harness.adapters.eventCache, 'set').fail(new Error('down'));
    await expect(harness.trigger({ channels: ['cache-x'] })).rejects.toThrow('down');
    expect(await client.ask({ event: 'pusher:ping' })).toEqual(['pusher:pong {}']);
  });
});
