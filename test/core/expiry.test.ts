// Grants that end: the subscription goes with its grant, the connection stays.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Client } from './support/client.ts';
import { createHarness, suspend } from './support/harness.ts';
import { fakeTime, passSeconds, settle } from './support/time.ts';

beforeEach(fakeTime);
afterEach(() => void vi.useRealTimers());

const ROOM = 'presence-room';
const PING = { event: 'pusher:ping' };
const PONG = 'pusher:pong {}';
const EXPIRED = '{"type":"GrantExpired","error":"The grant for this channel has expired.","status":401}';
const expired = (channel: string) => `pusher:subscription_error ${channel} ${EXPIRED}`;
const acknowledged = (channel: string) => `pusher_internal:subscription_succeeded ${channel} {}`;
const removed = (id: string) => `pusher_internal:member_removed ${ROOM} {"user_id":"${id}"}`;

/** Unix seconds, so many from now. */
const ahead = (seconds: number) => Date.now() / 1000 + seconds;

/** The client pings while time passes, or it would be given up. */
async function passAlive(client: Client, seconds: number): Promise<string[]> {
  const heard: string[] = [];
  for (let passed = 0; passed < seconds; passed += 20) {
    await passSeconds(Math.min(20, seconds - passed));
    heard.push(...(await client.ask(PING)).filter((words) => words !== PONG));
  }
  return heard;
}

describe.each(['private-x', 'private-encrypted-x'])('%s', (channel) => {
  test('is left when the time has come: one frame on the channel, and the connection stays', async () => {
    await using harness = await createHarness({ subscriptionCount: true });
    const [client, other] = [await harness.connect(), await harness.connect()];
    expect(await client.subscribe(channel, { exp: ahead(10) })).toContain(acknowledged(channel));
    await other.subscribe(channel);
    await client.read();
    await other.read();
    await passSeconds(9);
    await harness.trigger({ channels: [channel], data: '1' });
    expect(await client.read()).toEqual([`e ${channel} 1`]);
    await passSeconds(1);
    await harness.trigger({ channels: [channel], data: '2' });
    expect(await client.read()).toEqual([expired(channel)]);
    expect(await other.read()).toEqual([
      `e ${channel} 1`,
      `pusher_internal:subscription_count ${channel} {"subscription_count":1}`,
      `e ${channel} 2`,
    ]);
    expect(client.transport.closedWith).toBe(undefined);
    expect(await client.ask(PING)).toEqual([PONG]);
    expect(await harness.adapters.tracker.counts('app', [channel])).toEqual([{ subscriptionCount: 1, userCount: 0 }]);
  });

  test('is joined again with a new grant', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.subscribe(channel, { exp: ahead(1) });
    await passSeconds(1);
    await client.read();
    expect(await client.unsubscribe(channel)).toEqual([]);
    expect(await client.subscribe(channel, { exp: ahead(5) })).toEqual([acknowledged(channel)]);
    await passSeconds(5);
    expect(await client.read()).toEqual([expired(channel)]);
    expect(harness.takeFacts()).toEqual([
      `channel_occupied ${channel}`,
      `channel_vacated ${channel}`,
      `channel_occupied ${channel}`,
      `channel_vacated ${channel}`,
    ]);
    expect(await harness.remains()).toEqual({ topics: 0, channels: [] });
  });

  test('is refused with a grant that is over, and nothing is created', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    expect(await client.subscribe(channel, { exp: ahead(0) })).toEqual([
      'pusher:error {"code":4009,"message":"The grant for this channel has expired."}',
      expired(channel),
    ]);
    expect(await harness.remains()).toEqual({ topics: 0, channels: [] });
    expect(harness.takeFacts()).toEqual([]);
    expect(client.transport.closedWith).toBe(undefined);
  });
});

describe('presence', () => {
  test('the others see the member go, with the facts of a leave, and nobody is told of the end before', async () => {
    await using harness = await createHarness();
    const [client, other] = [await harness.connect(), await harness.connect()];
    await other.subscribe(ROOM, { user_id: 'o' });
    const [snapshot] = await client.subscribe(ROOM, { user_id: '7', user_info: { name: 'A' }, exp: ahead(10) });
    const hash = '{"o":null,"7":{"name":"A"}}';
    expect(snapshot).toBe(
      `pusher_internal:subscription_succeeded ${ROOM} {"presence":{"count":2,"ids":["o","7"],"hash":${hash}}}`,
    );
    harness.takeFacts();
    await passSeconds(10);
    expect(await client.read()).toEqual([expired(ROOM)]);
    expect(await other.read()).toEqual([
      `pusher_internal:member_added ${ROOM} {"user_id":"7","user_info":{"name":"A"}}`,
      removed('7'),
    ]);
    expect(harness.takeFacts()).toEqual([`member_removed ${ROOM} 7`]);
    expect(await harness.adapters.tracker.members('app', ROOM)).toEqual([{ userId: 'o', info: 'null' }]);
  });

  test('of two connections of a user each has its own end', async () => {
    await using harness = await createHarness();
    const [first, second] = [await harness.connect(), await harness.connect()];
    const watcher = await harness.connect();
    await watcher.subscribe(ROOM, { user_id: 'w' });
    await first.subscribe(ROOM, { user_id: '7', exp: ahead(5) });
    await second.subscribe(ROOM, { user_id: '7', exp: ahead(10) });
    await second.read();
    await watcher.read();
    await passSeconds(5);
    expect(await first.read()).toEqual([expired(ROOM)]);
    expect(await second.read()).toEqual([]);
    expect(await watcher.read()).toEqual([]);
    await passSeconds(5);
    expect(await second.read()).toEqual([expired(ROOM)]);
    expect(await watcher.read()).toEqual([removed('7')]);
  });

  test('who is gone is not reached by the termination of that user', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.subscribe(ROOM, { user_id: '7', exp: ahead(1) });
    await passSeconds(1);
    await client.read();
    await harness.core.terminateUser(harness.app, '7');
    expect(await client.ask(PING)).toEqual([PONG]);
    expect(await harness.remains()).toEqual({ topics: 0, channels: [] });
  });
});

describe('a new grant while subscribed', () => {
  test.each([
    ['private-x', {}],
    ['private-x', { user_id: '7' }],
    [ROOM, { user_id: '7' }],
  ])('replaces the end of the old one, later or sooner: %s %j', async (channel, data) => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.subscribe(channel, { ...data, exp: ahead(10) });
    await client.subscribe(channel, { ...data, exp: ahead(20) });
    await passSeconds(19);
    expect(await client.read()).toEqual([]);
    await client.subscribe(channel, { ...data, exp: ahead(30) });
    await client.subscribe(channel, { ...data, exp: ahead(5) });
    await passSeconds(5);
    expect(await client.read()).toEqual([expired(channel)]);
  });

  test('without an end lifts the old one', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.subscribe('private-x', { exp: ahead(10) });
    await client.subscribe('private-x');
    expect(await passAlive(client, 60)).toEqual([]);
    await harness.trigger({ channels: ['private-x'] });
    expect(await client.read()).toEqual(['e private-x d']);
  });

  test('that is refused changes nothing of the old one', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.subscribe('private-x', { exp: ahead(10) });
    expect((await client.subscribe('private-x', { exp: ahead(-1) })).at(-1)).toBe(expired('private-x'));
    await client.subscribe('private-x', { exp: ahead(60) }, 'key:nonsense');
    await harness.trigger({ channels: ['private-x'] });
    expect(await client.read()).toEqual(['e private-x d']);
    await passSeconds(10);
    expect(await client.read()).toEqual([expired('private-x')]);
  });

  test('that is being handled when the old one ends is in time', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.subscribe(ROOM, { user_id: '7', exp: ahead(10) });
    const gate = suspend(harness.adapters.tracker, 'deniedSeconds');
    await passSeconds(9);
    client.subscribing(ROOM, { user_id: '7', exp: ahead(20) });
    await gate.entered;
    await passSeconds(2);
    gate.open();
    expect(await client.read()).toHaveLength(1);
    await passSeconds(17);
    expect(await client.read()).toEqual([]);
    await passSeconds(1);
    expect(await client.read()).toEqual([expired(ROOM)]);
  });
});

describe('no frame, and no timer, is left of a grant whose subscription', () => {
  test('was left before', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    const timers = vi.getTimerCount();
    await client.subscribe('private-x', { exp: ahead(10) });
    expect(vi.getTimerCount()).toBe(timers + 1);
    await client.unsubscribe('private-x');
    expect(vi.getTimerCount()).toBe(timers);
    await client.subscribe('private-x');
    await passSeconds(11);
    expect(await client.ask(PING)).toEqual([PONG]);
  });

  test('was closed meanwhile', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    const timers = vi.getTimerCount();
    await client.subscribe('private-x', { exp: ahead(10) });
    await client.close();
    expect(vi.getTimerCount()).toBe(timers);
    await passSeconds(11);
    expect(await client.read()).toEqual([]);
  });

  test('ends while its connection closes', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.subscribe('private-x', { exp: ahead(10) });
    await client.read();
    const gate = suspend(harness.adapters.tracker, 'join');
    client.subscribing('slow');
    await gate.entered;
    await passSeconds(10);
    client.connection?.closed();
    gate.open();
    expect(await client.read()).toEqual([]);
    expect(await harness.remains()).toEqual({ topics: 0, channels: [] });
    expect(harness.logged).toEqual([]);
  });

  test('was left while its end waited in turn', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.subscribe('private-x', { exp: ahead(10) });
    const gate = suspend(harness.adapters.tracker, 'join');
    client.subscribing('slow');
    await gate.entered;
    client.say({ event: 'pusher:unsubscribe', data: { channel: 'private-x' } });
    client.subscribing('private-x', { exp: ahead(60) });
    await passSeconds(10);
    gate.open();
    expect(await client.read()).toEqual([acknowledged('slow'), acknowledged('private-x')]);
  });

  test('has no end', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    const timers = vi.getTimerCount();
    await client.subscribe('private-x', {});
    await client.subscribe(ROOM, { user_id: '7' });
    expect(vi.getTimerCount()).toBe(timers);
  });
});

test('a grant that ends beyond any timer’s range does not end at once', async () => {
  await using harness = await createHarness();
  const client = await harness.connect();
  await client.subscribe('private-x', { exp: ahead(2 ** 31) });
  await client.subscribe('private-y', { exp: 1e300 });
  expect(await passAlive(client, 40)).toEqual([]);
});

test('a grant that ends while the join is under way: acknowledged, what was held is sent, then it is over', async () => {
  await using harness = await createHarness();
  const client = await harness.connect();
  const gate = suspend(harness.adapters.tracker, 'join');
  client.subscribing('private-x', { exp: ahead(2) });
  await gate.entered;
  await harness.trigger({ channels: ['private-x'], data: '1' });
  await passSeconds(5);
  gate.open();
  await settle();
  await passSeconds(1);
  await harness.trigger({ channels: ['private-x'], data: '2' });
  expect(await client.read()).toEqual([acknowledged('private-x'), 'e private-x 1', expired('private-x')]);
  expect(await harness.remains()).toEqual({ topics: 0, channels: [] });
});

test('a grant that ends behind a join of another channel waits for its turn', async () => {
  await using harness = await createHarness();
  const client = await harness.connect();
  await client.subscribe('private-x', { exp: ahead(2) });
  const gate = suspend(harness.adapters.tracker, 'join');
  client.subscribing('slow');
  await gate.entered;
  await passSeconds(3);
  expect(await client.read()).toEqual([]);
  gate.open();
  expect(await client.read()).toEqual([acknowledged('slow'), expired('private-x')]);
});

test('a channel that cannot be left ends the connection, to be made anew', async () => {
  await using harness = await createHarness();
  const client = await harness.connect();
  await client.subscribe('private-x', { exp: ahead(2) });
  const gate = suspend(harness.adapters.tracker, 'leave');
  await passSeconds(2);
  await gate.entered;
  gate.fail(new Error('no tracker'));
  await settle();
  expect(client.transport.closedWith?.code).toBe(4100);
});
