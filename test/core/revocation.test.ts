// Removing a user from one channel, and denying them to come back.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Client } from './support/client.ts';
import { createHarness, type Harness, suspend } from './support/harness.ts';
import { fakeTime, passSeconds, settle } from './support/time.ts';

const ROOM = 'presence-room';
const PING = { event: 'pusher:ping' };
const PONG = 'pusher:pong {}';
const REVOKED = '{"type":"Revoked","error":"You were removed from this channel.","status":403}';
const revoked = (channel: string) => `pusher:subscription_error ${channel} ${REVOKED}`;
const acknowledged = (channel: string) => `pusher_internal:subscription_succeeded ${channel} {}`;
const removed = (id: string) => `pusher_internal:member_removed ${ROOM} {"user_id":"${id}"}`;

function denied(channel: string, seconds: number): string[] {
  const message = `You were removed from this channel and may join again in ${seconds} seconds.`;
  return [
    `pusher:error ${JSON.stringify({ code: 4009, message })}`,
    `pusher:subscription_error ${channel} ${JSON.stringify({ type: 'Revoked', error: message, status: 403 })}`,
  ];
}

async function remove(harness: Harness, userId: string, channel: string, denySeconds = 0): Promise<void> {
  await harness.core.unsubscribeUser(harness.app, userId, channel, denySeconds);
  await settle();
}

/** Connected, and what it heard of that is read. */
async function joined(harness: Harness, channel: string, data?: object): Promise<Client> {
  const client = await harness.connect();
  await client.subscribe(channel, data);
  return client;
}

describe('a user is removed from a channel', () => {
  test('as a presence member on every connection: one frame each, they stay connected, the others see them go', async () => {
    await using harness = await createHarness();
    const [first, second] = [
      await joined(harness, ROOM, { user_id: '7' }),
      await joined(harness, ROOM, { user_id: 7 }),
    ];
    const other = await joined(harness, ROOM, { user_id: 'o' });
    await first.subscribe('private-x');
    for (const client of [first, second, other]) await client.read();
    harness.takeFacts();
    await remove(harness, '7', ROOM);
    await harness.trigger({ channels: [ROOM] });
    for (const client of [first, second]) {
      expect(await client.read()).toEqual([revoked(ROOM)]);
      expect(client.transport.closedWith).toBe(undefined);
      expect(await client.ask(PING)).toEqual([PONG]);
    }
    expect(await other.read()).toEqual([removed('7'), `e ${ROOM} d`]);
    expect(harness.takeFacts()).toEqual([`member_removed ${ROOM} 7`]);
    await harness.trigger({ channels: ['private-x'] });
    expect(await first.read()).toEqual(['e private-x d']);
  });

  test.each(['private-x', 'private-encrypted-x', 'private-cache-x'])(
    'as the user a grant names: %s',
    async (channel) => {
      await using harness = await createHarness({ clientEvents: true });
      const client = await joined(harness, channel, { user_id: '7' });
      const other = await joined(harness, channel, { user_id: '8' });
      client.say({ event: 'client-a', channel, data: '1' });
      expect(await other.read()).toEqual([`client-a ${channel} 1`]);
      await remove(harness, '7', channel);
      expect(await client.read()).toEqual([revoked(channel)]);
      expect(await other.read()).toEqual([]);
      expect(await harness.adapters.tracker.counts('app', [channel])).toEqual([{ subscriptionCount: 1, userCount: 0 }]);
    },
  );

  test.each(['news', 'cache-news', 'private-x', '#server-to-user-7'])('as the signed-in user: %s', async (channel) => {
    await using harness = await createHarness();
    const [client, stranger] = [await harness.connect(), await harness.connect()];
    await client.signIn({ id: '7' });
    await client.subscribe(channel);
    await stranger.signIn({ id: '8' });
    if (channel !== '#server-to-user-7') await stranger.subscribe(channel);
    await stranger.read();
    await remove(harness, '7', channel);
    expect(await client.read()).toEqual([revoked(channel)]);
    expect(await stranger.ask(PING)).toEqual([PONG]);
  });

  test('as the signed-in user, also where the connection is another member', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.signIn({ id: '7' });
    await client.subscribe(ROOM, { user_id: 'alias' });
    await remove(harness, '7', ROOM);
    expect(await client.read()).toEqual([revoked(ROOM)]);
  });

  test('once, where the connection is the user in two ways', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.signIn({ id: '7' });
    await client.subscribe(ROOM, { user_id: '7' });
    await remove(harness, '7', ROOM);
    await remove(harness, '7', ROOM);
    expect(await client.read()).toEqual([revoked(ROOM)]);
  });

  test('and may come back at once without a denial', async () => {
    await using harness = await createHarness();
    const client = await joined(harness, 'private-x', { user_id: '7' });
    await remove(harness, '7', 'private-x');
    await client.read();
    expect(await client.subscribe('private-x', { user_id: '7' })).toEqual([acknowledged('private-x')]);
  });

  test('from that channel only: where the connection is somebody else there, it stays', async () => {
    await using harness = await createHarness();
    const client = await joined(harness, 'private-x', { user_id: '7' });
    await client.subscribe('private-y', { user_id: '8' });
    await client.subscribe('news');
    for (const channel of ['private-y', 'news', 'private-z', ROOM]) await remove(harness, '7', channel);
    expect(await client.ask(PING)).toEqual([PONG]);
    for (const channel of ['private-x', 'private-y', 'news']) await harness.trigger({ channels: [channel] });
    expect(await client.read()).toEqual(['e private-x d', 'e private-y d', 'e news d']);
  });

  test('others, and the same names in another app, are not touched', async () => {
    await using harness = await createHarness();
    const client = await joined(harness, ROOM, { user_id: '7' });
    await remove(harness, '77', ROOM);
    await remove(harness, 'nobody', ROOM, 60);
    await harness.core.unsubscribeUser({ ...harness.app, id: 'other' }, '7', ROOM, 60);
    expect(await client.ask(PING)).toEqual([PONG]);
    expect(await client.subscribe(ROOM, { user_id: '7' })).toHaveLength(1);
  });

  test('who left is nobody’s listener any more', async () => {
    await using harness = await createHarness();
    const client = await joined(harness, 'private-x', { user_id: '7' });
    await client.subscribe('private-y', { user_id: '7' });
    await client.unsubscribe('private-x');
    expect(harness.core.nodeStats().topics).toBe(2);
    await remove(harness, '7', 'private-y');
    expect(await client.read()).toEqual([revoked('private-y')]);
    expect(harness.core.nodeStats().topics).toBe(0);
  });

  test('a grant’s end does not follow the removal', async () => {
    fakeTime();
    try {
      await using harness = await createHarness();
      const client = await joined(harness, 'private-x', { user_id: '7', exp: Date.now() / 1000 + 5 });
      await remove(harness, '7', 'private-x');
      await passSeconds(6);
      expect(await client.read()).toEqual([revoked('private-x')]);
    } finally {
      vi.useRealTimers();
    }
  });
});

test('termination reaches the user whom a grant names', async () => {
  await using harness = await createHarness();
  const [client, other] = [
    await joined(harness, 'private-x', { user_id: '7' }),
    await joined(harness, 'private-x', { user_id: '8' }),
  ];
  await harness.core.terminateUser(harness.app, '7');
  await settle();
  expect(client.transport.closedWith?.code).toBe(4009);
  expect(other.transport.closedWith).toBe(undefined);
});

test('a repeated subscribe as another named user leaves first, and is found by the new name only', async () => {
  await using harness = await createHarness();
  const client = await joined(harness, 'private-x', { user_id: '7' });
  expect(await client.subscribe('private-x', { user_id: '8' })).toEqual([acknowledged('private-x')]);
  await remove(harness, '7', 'private-x');
  expect(await client.read()).toEqual([]);
  await remove(harness, '8', 'private-x');
  expect(await client.read()).toEqual([revoked('private-x')]);
  expect(await harness.remains()).toEqual({ topics: 0, channels: [] });
});

describe('a removal while a join is under way', () => {
  test.each(['call', 'answer'] as const)('follows the acknowledgement (tracker %s)', async (what) => {
    await using harness = await createHarness();
    const client = await harness.connect();
    const gate = suspend(harness.adapters.tracker, 'join', what);
    client.subscribing(ROOM, { user_id: '7' });
    await gate.entered;
    await remove(harness, '7', ROOM);
    await harness.trigger({ channels: [ROOM], data: 'held' });
    gate.open();
    const [snapshot, ...more] = await client.read();
    expect(snapshot).toMatch(/^pusher_internal:subscription_succeeded /);
    expect(more).toEqual([`e ${ROOM} held`, revoked(ROOM)]);
    expect(await harness.remains()).toEqual({ topics: 0, channels: [] });
  });

  test('with a denial: before the tracker is asked, the join is refused and nothing is created', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    const gate = suspend(harness.adapters.tracker, 'join');
    client.subscribing(ROOM, { user_id: '7' });
    await gate.entered;
    await remove(harness, '7', ROOM, 60);
    gate.open();
    expect(await client.read()).toEqual(denied(ROOM, 60));
    expect(await harness.remains()).toEqual({ topics: 0, channels: [] });
    expect(harness.takeFacts()).toEqual([]);
  });

  test('with a denial: after the tracker has counted it, it is removed again', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    const gate = suspend(harness.adapters.tracker, 'join', 'answer');
    client.subscribing('private-x', { user_id: '7' });
    await gate.entered;
    await remove(harness, '7', 'private-x', 60);
    gate.open();
    expect(await client.read()).toEqual([acknowledged('private-x'), revoked('private-x')]);
    expect(await client.subscribe('private-x', { user_id: '7' })).toEqual(denied('private-x', 60));
  });

  test('while the user signs in, reaches what is joined already', async () => {
    await using harness = await createHarness();
    const client = await joined(harness, 'news');
    const gate = suspend(harness.adapters.tracker, 'signIn');
    const signIn = client.signIn({ id: '7' });
    await gate.entered;
    await remove(harness, '7', 'news');
    gate.open();
    await signIn;
    await settle();
    expect((await client.read()).at(-1)).toBe(revoked('news'));
  });

  test('while the connection closes, finds nothing to do', async () => {
    await using harness = await createHarness();
    const client = await joined(harness, 'private-x', { user_id: '7' });
    const gate = suspend(harness.adapters.tracker, 'join');
    client.subscribing('slow');
    await gate.entered;
    await remove(harness, '7', 'private-x');
    client.connection?.closed();
    gate.open();
    expect(await client.read()).toEqual([]);
    expect(await harness.remains()).toEqual({ topics: 0, channels: [] });
    expect(harness.logged).toEqual([]);
  });
});

describe('while denied', () => {
  beforeEach(fakeTime);
  afterEach(() => void vi.useRealTimers());

  test.each<[what: string, channel: string, data?: object]>([
    ['the member', ROOM, { user_id: '7' }],
    ['the named user', 'private-x', { user_id: '7' }],
    ['the named user of an encrypted channel', 'private-encrypted-x', { user_id: 7 }],
  ])('%s is refused with the seconds left, until it lapses', async (_, channel, data) => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await remove(harness, '7', channel, 10);
    expect(await client.subscribe(channel, data)).toEqual(denied(channel, 10));
    expect(client.transport.closedWith).toBe(undefined);
    expect(await harness.remains()).toEqual({ topics: 0, channels: [] });
    await passSeconds(9);
    expect(await client.subscribe(channel, data)).toEqual(denied(channel, 1));
    expect(await harness.core.deniedSeconds(harness.app, channel, '7')).toBe(1);
    await passSeconds(1);
    expect(await harness.core.deniedSeconds(harness.app, channel, '7')).toBe(0);
    expect(await client.subscribe(channel, data)).toHaveLength(1);
  });

  test.each(['news', 'private-x', '#server-to-user-7'])('the signed-in user is refused: %s', async (channel) => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.signIn({ id: '7' });
    await remove(harness, '7', channel, 10);
    expect(await client.subscribe(channel)).toEqual(denied(channel, 10));
    await harness.core.terminateUser(harness.app, '7');
    await settle();
    expect(client.transport.closedWith?.code).toBe(4009);
  });

  test('the signed-in user is refused also as another member', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.signIn({ id: '7' });
    await remove(harness, '7', ROOM, 10);
    expect(await client.subscribe(ROOM, { user_id: 'alias' })).toEqual(denied(ROOM, 10));
  });

  test('others join, and the user joins elsewhere', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await remove(harness, '7', ROOM, 10);
    expect(await client.subscribe(ROOM, { user_id: '8' })).toHaveLength(1);
    expect(await client.subscribe('presence-other', { user_id: '7' })).toHaveLength(1);
  });

  test('a later denial replaces an earlier one, and none lifts nothing', async () => {
    await using harness = await createHarness();
    const left = () => harness.core.deniedSeconds(harness.app, ROOM, '7');
    await remove(harness, '7', ROOM, 3600);
    await remove(harness, '7', ROOM, 10);
    expect(await left()).toBe(10);
    await remove(harness, '7', ROOM);
    expect(await left()).toBe(10);
    await remove(harness, '7', ROOM, 60);
    expect(await left()).toBe(60);
  });

  test.each([
    ['member', ROOM, { user_id: '7' }, undefined],
    ['named user', 'private-x', { user_id: '7' }, undefined],
    ['signed-in user', 'news', undefined, '7'],
  ])(
    'a %s who is still there, as the removal was lost, leaves with the next subscribe',
    async (_, channel, data, id) => {
      await using harness = await createHarness();
      const client = await harness.connect();
      if (id !== undefined) await client.signIn({ id });
      await client.subscribe(channel, data);
      await harness.adapters.tracker.deny('app', channel, '7', 10);
      expect(await client.subscribe(channel, data)).toEqual(denied(channel, 10));
      await harness.trigger({ channels: [channel] });
      expect(await client.ask(PING)).toEqual([PONG]);
      expect(await harness.adapters.tracker.listCounted('app', '')).toEqual(new Map());
    },
  );

  test('nothing is published when the denial could not be recorded', async () => {
    await using harness = await createHarness();
    const client = await joined(harness, ROOM, { user_id: '7' });
    const gate = suspend(harness.adapters.tracker, 'deny');
    const removal = expect(remove(harness, '7', ROOM, 10)).rejects.toThrow('no tracker');
    await gate.entered;
    gate.fail(new Error('no tracker'));
    await removal;
    expect(await client.ask(PING)).toEqual([PONG]);
  });
});
