// Client events: each row of websocket.md §6.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Client } from './support/client.ts';
import { type AppInput, createHarness, type Harness } from './support/harness.ts';
import { fakeTime } from './support/time.ts';

const error = (code: number, message: string) => [`pusher:error {"code":${code},"message":"${message}"}`];

/** Two sockets on a channel, and what the second reads when the first sends. */
async function pair(harness: Harness, channel: string): Promise<[sender: Client, reader: Client]> {
  const [sender, reader] = [await harness.connect(), await harness.connect()];
  const presence = channel.startsWith('presence-');
  await sender.subscribe(channel, presence ? { user_id: 7 } : undefined);
  await reader.subscribe(channel, presence ? { user_id: '9' } : undefined);
  await sender.read();
  harness.takeFacts();
  return [sender, reader];
}

const on: AppInput = { clientEvents: true };

test('a client event reaches the other subscribers, not its sender, and is announced', async () => {
  await using harness = await createHarness(on);
  const [sender, reader] = await pair(harness, 'private-x');
  const outsider = await harness.connect();
  sender.say({ event: 'client-a', channel: 'private-x', data: { on: true }, user_id: 'forged', extra: 1 });
  expect(await reader.readTexts()).toEqual(['{"event":"client-a","channel":"private-x","data":"{\\"on\\":true}"}']);
  expect(await sender.read()).toEqual([]);
  expect(await outsider.read()).toEqual([]);
  expect(harness.facts.filter(({ type }) => type === 'client_event')).toEqual([
    {
      type: 'client_event',
      appId: 'app',
      channel: 'private-x',
      event: 'client-a',
      data: '{"on":true}',
      socketId: sender.socketId,
      userId: undefined,
    },
  ]);
});

describe('REC websocket §6: what is relayed', () => {
  test.each([
    ['strings as they are', 'private-x', ',"data":"{ \\"a\\" : 1 }"', 'client-a private-x { "a" : 1 }'],
    ['everything else as JSON', 'private-x', ',"data":[1, 2]', 'client-a private-x [1,2]'],
    ['nothing as "null"', 'private-x', '', 'client-a private-x null'],
    ['the sender’s user, as a string, on presence channels', 'presence-x', ',"data":"1"', 'client-a presence-x 1 by 7'],
    ['on encrypted channels', 'private-encrypted-x', ',"data":"1"', 'client-a private-encrypted-x 1'],
  ])('%s', async (_, channel, data, relayed) => {
    await using harness = await createHarness(on);
    const [sender, reader] = await pair(harness, channel);
    sender.say(`{"event":"client-a","channel":"${channel}"${data}}`);
    expect(await reader.read()).toEqual([relayed]);
  });

  test('user_id on presence channels only, also when channel_data of a private channel names one', async () => {
    await using harness = await createHarness(on);
    const [sender, reader] = [await harness.connect(), await harness.connect()];
    await sender.subscribe('private-x', { user_id: '7' });
    await reader.subscribe('private-x');
    sender.say({ event: 'client-a', channel: 'private-x', data: '1' });
    expect(await reader.read()).toEqual(['client-a private-x 1']);
  });
});

describe('REC websocket §6, limits §2: refused on an open connection, and relayed to nobody', () => {
  const DISABLED = 'The app does not have client messaging enabled.';
  const TYPE = 'Client event rejected - only supported on private and presence channels';
  const MEMBER = 'The client is not a member of the specified channel.';
  const LARGE =
    'The data content of this event exceeds the allowed maximum (10240 bytes). ' +
    'See https://pusher.com/docs/channels/server_api/http-api#publishing-events for more info';

  test.each<[what: string, app: AppInput, channel: string, message: object, code: number, text: string]>([
    ['feature off, which it is by default', {}, 'private-x', {}, 4301, DISABLED],
    ['a public channel', on, 'news', {}, 4301, TYPE],
    ['a public cache channel', on, 'cache-x', {}, 4301, TYPE],
    ['a channel not subscribed', on, 'private-x', { channel: 'private-y' }, 4009, MEMBER],
    ['a channel that cannot be', on, 'private-x', { channel: 'private-ä' }, 4009, MEMBER],
    [
      'a channel of the prototype',
      { ...on, clientEventsOnPublicChannels: true },
      'private-x',
      { channel: '__proto__' },
      4009,
      MEMBER,
    ],
    [
      'a user’s own channel',
      { ...on, clientEventsOnPublicChannels: true },
      'private-x',
      { channel: '#server-to-user-7' },
      4301,
      TYPE,
    ],
    [
      'a name of 201 characters',
      on,
      'private-x',
      { event: `client-${'x'.repeat(194)}` },
      4301,
      'Event name is too long. Maximum allowed size is 200.',
    ],
    ['data of 10 241 bytes', on, 'private-x', { data: 'x'.repeat(10_241) }, 4301, LARGE],
    ['data of 10 241 bytes in fewer characters', on, 'private-x', { data: `${'é'.repeat(5120)}x` }, 4301, LARGE],
  ])('%s', async (_, app, channel, message, code, text) => {
    await using harness = await createHarness(app);
    const [sender, reader] = await pair(harness, channel);
    expect(await sender.ask({ event: 'client-a', channel, data: '1', ...message })).toEqual(error(code, text));
    expect(await reader.read()).toEqual([]);
    expect(sender.transport.closedWith).toBe(undefined);
    expect(harness.takeFacts()).toEqual([]);
  });

  test('at the limits it is taken', async () => {
    await using harness = await createHarness(on);
    const [sender, reader] = await pair(harness, 'private-x');
    const event = `client-${'x'.repeat(193)}`;
    const data = 'é'.repeat(5120);
    expect(await sender.ask({ event, channel: 'private-x', data })).toEqual([]);
    expect(await reader.read()).toEqual([`${event} private-x ${data}`]);
  });

  test('after leaving the channel the sender is no member', async () => {
    await using harness = await createHarness(on);
    const [sender, reader] = await pair(harness, 'private-x');
    await sender.unsubscribe('private-x');
    expect(await sender.ask({ event: 'client-a', channel: 'private-x' })).toEqual(error(4009, MEMBER));
    expect(await reader.read()).toEqual([]);
  });
});

test('REC websocket §6: a switch allows them on public channels, to subscribers', async () => {
  await using harness = await createHarness({ ...on, clientEventsOnPublicChannels: true });
  const [sender, reader] = await pair(harness, 'news');
  sender.say({ event: 'client-a', channel: 'news', data: '1' });
  expect(await reader.read()).toEqual(['client-a news 1']);
});

test('REC websocket §4.1, §9: a client event is never cached', async () => {
  await using harness = await createHarness(on);
  const [sender, reader] = await pair(harness, 'private-cache-x');
  await harness.trigger({ channels: ['private-cache-x'], data: 'published' });
  await sender.ask({ event: 'client-a', channel: 'private-cache-x', data: '1' });
  expect(await reader.read()).toEqual(['e private-cache-x published', 'client-a private-cache-x 1']);
  const late = await harness.connect();
  expect(await late.subscribe('private-cache-x')).toEqual([
    'pusher_internal:subscription_succeeded private-cache-x {}',
    'e private-cache-x published',
  ]);
});

describe('REC limits §2: rate', () => {
  beforeEach(fakeTime);
  afterEach(() => void vi.useRealTimers());
  const event = { event: 'client-a', channel: 'private-x', data: '1' };

  test('the eleventh in a second is dropped, and the next second takes more', async () => {
    await using harness = await createHarness(on);
    const [sender, reader] = await pair(harness, 'private-x');
    for (let count = 0; count < 12; count += 1) sender.say(event);
    expect(await sender.read()).toEqual([...error(4301, 'Rate limit exceeded'), ...error(4301, 'Rate limit exceeded')]);
    expect(await reader.read()).toHaveLength(10);
    vi.advanceTimersByTime(999);
    expect(await sender.ask(event)).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(await sender.ask(event)).toEqual([]);
    expect(await reader.read()).toHaveLength(1);
  });

  test('it is each connection’s own, and other messages do not count', async () => {
    await using harness = await createHarness({ ...on, limits: { clientEventsPerSecond: 1 } });
    const [sender, reader] = await pair(harness, 'private-x');
    for (let count = 0; count < 5; count += 1) sender.say({ event: 'pusher:ping' });
    await sender.subscribe('news');
    expect(await sender.ask(event)).toEqual([]);
    expect(await reader.ask(event)).toEqual(['client-a private-x 1']);
    expect(await sender.read()).toEqual(['client-a private-x 1']);
  });

  test('refused events do not count', async () => {
    await using harness = await createHarness({ ...on, limits: { clientEventsPerSecond: 1 } });
    const [sender, reader] = await pair(harness, 'private-x');
    await sender.ask({ ...event, channel: 'private-y' });
    await sender.ask({ ...event, data: 'x'.repeat(20_000) });
    expect(await sender.ask(event)).toEqual([]);
    expect(await reader.read()).toHaveLength(1);
  });

  test('0 is no limit', async () => {
    await using harness = await createHarness({ ...on, limits: { clientEventsPerSecond: 0 } });
    const [sender, reader] = await pair(harness, 'private-x');
    for (let count = 0; count < 100; count += 1) sender.say(event);
    expect(await sender.read()).toEqual([]);
    expect(await reader.read()).toHaveLength(100);
  });
});
