// When the other servers cannot be reached: what is refused, what stays, and who is sent to another server.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { memoryAdapters } from '../../src/adapters/memory/adapters.ts';
import type { Adapters, Departure, Link, Return } from '../../src/core/ports.ts';
import { requestErrors } from '../../src/protocol/errors.ts';
import { createHarness, type Harness, suspend } from './support/harness.ts';
import { fakeTime, settle } from './support/time.ts';

const UNAVAILABLE = 'Redis is unavailable. Try again later.';
const NOT_PUBLISHED = 'Redis is unavailable, the event was not published. Try again later.';
const away = requestErrors.unavailable();

/** A link that is what a test says. */
class TestLink implements Link {
  lost = false;
  malformed = 3;
  reason: string | undefined;
  lose = (): void => {};
  restore = (): void => {};
  /** Called when messages may have been lost. */
  settle = (): void => {};
  truth: Awaited<ReturnType<Link['roster']>> | Error = { members: [], change: 0 };
  asked = 0;

  onLost(listener: () => void): void {
    this.lose = () => {
      this.lost = true;
      listener();
    };
  }

  onRestored(listener: () => void): void {
    this.restore = () => {
      this.lost = false;
      listener();
    };
  }

  onSettled(listener: () => void): void {
    this.settle = listener;
  }

  async roster(): ReturnType<Link['roster']> {
    this.asked += 1;
    if (this.truth instanceof Error) throw this.truth;
    return this.truth;
  }

  async trouble(): Promise<string | undefined> {
    return this.reason;
  }
}

/** The next call of the method fails as it does while Redis is away. */
const fails = (adapter: object, method: string) => suspend(adapter, method).fail(away);
const failure = (channel: string) =>
  `pusher:subscription_error ${channel} ${JSON.stringify({ error: UNAVAILABLE, status: 503 })}`;
const errorFrame = (message: string) => `pusher:error ${JSON.stringify({ code: 4301, message })}`;

async function linked(): Promise<{ harness: Harness; link: TestLink; adapters: Adapters }> {
  const link = new TestLink();
  const adapters = { ...memoryAdapters(), link };
  const harness = await createHarness({ clientEvents: true }, { shutdown: { closesPerSecond: 20 } }, adapters);
  return { harness, link, adapters };
}

describe('while the other servers cannot be reached', () => {
  test.each([
    ['tracker', 'join'],
    ['broker', 'subscribe'],
  ] as const)('a join is refused on its channel, for %s.%s, and the connection stays', async (adapter, method) => {
    await using harness = await createHarness();
    const client = await harness.connect();
    fails(harness.adapters[adapter], method);
    expect(await client.subscribe('room')).toEqual([errorFrame(UNAVAILABLE), failure('room')]);
    expect(client.connection?.missesSomething).toBe(true);
    expect(await harness.remains()).toEqual({ topics: 0, channels: [] });
    expect(await client.subscribe('room')).toEqual(['pusher_internal:subscription_succeeded room {}']);
    expect(harness.logged).toEqual([]);
  });

  test('a sign-in is refused, and the connection stays', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    fails(harness.adapters.tracker, 'signIn');
    expect(await client.signIn({ id: '7' })).toEqual([errorFrame(UNAVAILABLE)]);
    expect(client.connection?.user).toBe(undefined);
    expect(client.connection?.missesSomething).toBe(true);
    expect(harness.logged).toEqual([]);
  });

  test('a client event gets an error frame, and nothing is missed by it', async () => {
    await using harness = await createHarness({ clientEvents: true });
    const client = await harness.connect();
    await client.subscribe('private-chat');
    suspend(harness.adapters.broker, 'publish').fail(requestErrors.notPublished());
    const message = { event: 'client-typing', channel: 'private-chat', data: '{}' };
    expect(await client.ask(message)).toEqual([errorFrame(NOT_PUBLISHED)]);
    expect(client.connection?.missesSomething).toBe(false);
    expect(client.transport.closedWith).toBe(undefined);
  });

  test('channels are left here, without an error or a word in the log', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.subscribe('first');
    await client.subscribe('second');
    fails(harness.adapters.tracker, 'leave');
    expect(await client.unsubscribe('first')).toEqual([]);
    expect(harness.core.nodeStats().topics).toBe(1);
    fails(harness.adapters.tracker, 'leave');
    fails(harness.adapters.tracker, 'disconnect');
    await client.close();
    expect(harness.core.nodeStats()).toEqual({ sockets: 0, topics: 0, malformed: 0 });
    expect(harness.takeFacts()).toEqual(['channel_occupied first', 'channel_occupied second']);
    expect(harness.logged).toEqual([]);
  });

  test('who connects is told to come back, with 4100', async () => {
    await using harness = await createHarness();
    fails(harness.adapters.tracker, 'connect');
    const client = harness.open();
    await settle();
    expect(client.transport.closedWith).toMatchObject({ code: 4100 });
    expect(harness.core.nodeStats().sockets).toBe(0);
    expect(harness.logged).toEqual([]);
  });

  test('who joins a cache channel that cannot be read is announced, told, and hears what comes', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    fails(harness.adapters.eventCache, 'get');
    const answer = await client.subscribe('presence-cache-room', { user_id: '7' });
    expect(answer.map((line) => line.split(' ', 1)[0])).toEqual([
      'pusher_internal:subscription_succeeded',
      'pusher:error',
      'pusher:subscription_error',
    ]);
    expect(harness.takeFacts()).toEqual(['channel_occupied presence-cache-room', 'member_added presence-cache-room 7']);
    expect(client.connection?.missesSomething).toBe(true);
    await harness.trigger({ channels: ['presence-cache-room'] });
    expect(await client.read()).toEqual(['e presence-cache-room d']);
    await client.close();
    expect(harness.takeFacts()).toEqual([
      'member_removed presence-cache-room 7',
      'channel_vacated presence-cache-room',
    ]);
  });

  test('any other failure still ends the connection with 4100, and is logged', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    suspend(harness.adapters.tracker, 'join').fail(new Error('a bug'));
    await client.subscribe('room');
    expect(client.transport.closedWith).toMatchObject({ code: 4100 });
    expect(harness.logged).toMatchObject([{ msg: 'a message could not be handled' }]);
  });

  test('a subscription count that cannot be published is not worth a line', async () => {
    await using harness = await createHarness({ subscriptionCount: true });
    const client = await harness.connect();
    fails(harness.adapters.broker, 'publish');
    await client.subscribe('room');
    await client.read();
    expect(harness.logged).toEqual([]);
  });
});

describe('the link', () => {
  beforeEach(() => fakeTime());
  afterEach(() => vi.useRealTimers());

  test('says why the server is not ready, and so does its end', async () => {
    const { harness, link } = await linked();
    expect(await harness.core.trouble()).toBe(undefined);
    link.reason = 'Redis does not answer.';
    expect(await harness.core.trouble()).toBe('Redis does not answer.');
    expect(harness.core.nodeStats().malformed).toBe(3);
    await harness.core.stop();
    expect(await harness.core.trouble()).toBe('Server is closing.');
  });

  test('lost, sends sockets away in steps with 4200, and nobody in', async () => {
    const { harness, link } = await linked();
    const clients = await Promise.all(Array.from({ length: 5 }, () => harness.connect()));
    const closed = () => clients.filter(({ transport }) => transport.closedWith?.code === 4200).length;
    const timers = vi.getTimerCount();
    link.lose();
    expect(closed()).toBe(2);
    const late = harness.open();
    expect(late.transport.closedWith).toMatchObject({ code: 4100 });
    await vi.advanceTimersByTimeAsync(100);
    expect(closed()).toBe(4);
    await vi.advanceTimersByTimeAsync(100);
    expect(closed()).toBe(5);
    expect(vi.getTimerCount()).toBe(timers);
    await harness.core.stop();
  });

  test('found again, keeps who was not sent away yet', async () => {
    const { harness, link } = await linked();
    const clients = await Promise.all(Array.from({ length: 5 }, () => harness.connect()));
    link.lose();
    link.restore();
    await vi.advanceTimersByTimeAsync(1000);
    expect(clients.filter(({ transport }) => transport.closedWith !== undefined)).toHaveLength(2);
    expect((await harness.connect()).transport.closedWith).toBe(undefined);
    await harness.core.stop();
  });

  test('restored, has only those connect anew who were refused something their clients do not ask for again', async () => {
    const { harness, link, adapters } = await linked();
    const [content, missing] = [await harness.connect(), await harness.connect()];
    await content.subscribe('room');
    fails(adapters.tracker, 'join');
    await missing.subscribe('room');
    link.restore();
    expect(missing.transport.closedWith).toEqual({ code: 4200, reason: 'Redis is available again. Please reconnect.' });
    await vi.advanceTimersByTimeAsync(1000);
    expect(content.transport.closedWith).toBe(undefined);
    await harness.core.stop();
  });
});

describe('what other servers did', () => {
  const base = { appId: 'app', channel: 'presence-room', userId: '7' };

  async function listening(): Promise<{
    harness: Harness;
    depart: (departure: Departure) => void;
    comeBack: (returned: Return) => void;
  }> {
    const adapters = memoryAdapters();
    const start = vi.spyOn(adapters.tracker, 'start');
    const harness = await createHarness({}, {}, adapters);
    const [depart, comeBack] = start.mock.calls[0] ?? [];
    if (depart === undefined || comeBack === undefined) throw new Error('not started');
    return { harness, depart, comeBack };
  }

  test('is told as facts: a subscription that a dead server held, and one that was not dead after all', async () => {
    const { harness, depart, comeBack } = await listening();
    depart({ ...base, left: { vacated: true, subscriptionCount: 0, memberRemoved: true } });
    await settle();
    expect(harness.takeFacts()).toEqual(['member_removed presence-room 7', 'channel_vacated presence-room']);
    comeBack({ ...base, joined: { occupied: true, subscriptionCount: 1, memberAdded: true } });
    await settle();
    expect(harness.takeFacts()).toEqual(['channel_occupied presence-room', 'member_added presence-room 7']);
    comeBack({ ...base, joined: { occupied: false, subscriptionCount: 2, memberAdded: false } });
    depart({ ...base, left: { vacated: false, subscriptionCount: 1, memberRemoved: false } });
    depart({ ...base, appId: 'gone', left: { vacated: true, subscriptionCount: 0, memberRemoved: true } });
    await settle();
    expect(harness.takeFacts()).toEqual([]);
    await harness.core.stop();
  });
});
