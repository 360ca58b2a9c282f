// Apps that change under open sockets: everything counts from the next message on, and who may not stay is sent away.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { memoryAdapters } from '../../src/adapters/memory/adapters.ts';
import { SubscriptionCounts } from '../../src/core/subscription-counts.ts';
import { textOf } from '../protocol/support/frames.ts';
import { ChangingStore } from './support/changing-store.ts';
import { words } from './support/client.ts';
import { type AppInput, createHarness, makeApp, suspend, token } from './support/harness.ts';
import { fakeTime, passSeconds, settle } from './support/time.ts';

async function liveHarness(app: AppInput = {}, closesPerSecond = 1000) {
  const store = new ChangingStore(makeApp(app));
  const harness = await createHarness(app, { shutdown: { closesPerSecond } }, memoryAdapters(), store);
  return { store, harness };
}

/** Changes apps, and what follows of it has happened. */
async function put(store: ChangingStore, ...apps: ReturnType<typeof makeApp>[]): Promise<void> {
  store.put(...apps);
  await settle();
}

const on: AppInput = { clientEvents: true };
const clientEvent = { event: 'client-a', channel: 'private-x', data: 'd' };
const failed = (message: string) => expect.stringContaining(message);

describe('what is changed counts for open sockets', () => {
  test('features and limits, from the next message on', async () => {
    const { store, harness } = await liveHarness(on);
    await using _ = harness;
    const client = await harness.connect();
    await client.subscribe('private-x');
    expect(await client.ask(clientEvent)).toEqual([]);
    await put(store, makeApp({ ...on, limits: { payloadBytes: 1, channelsPerConnection: 1, eventNameLength: 8 } }));
    expect(await client.ask(clientEvent)).toEqual([]);
    expect(await client.ask({ ...clientEvent, data: 'dd' })).toEqual([failed('allowed maximum (1 bytes)')]);
    expect(await client.subscribe('news')).toContainEqual(failed('maximum of 1 channels'));
    await put(store, makeApp());
    expect(await client.ask(clientEvent)).toEqual([failed('does not have client messaging enabled')]);
    await put(store, makeApp({ ...on, clientEventsOnPublicChannels: true }));
    expect(await client.subscribe('news')).toEqual(['pusher_internal:subscription_succeeded news {}']);
    expect(await client.ask({ ...clientEvent, channel: 'news' })).toEqual([]);
  });

  test('the size of messages, for the sockets of that app', async () => {
    const { store, harness } = await liveHarness();
    await using _ = harness;
    const client = await harness.connect();
    await put(store, makeApp({ id: 'other', key: 'other', limits: { payloadBytes: 1 } }));
    expect(client.transport.maxMessageBytes).toBe(undefined);
    await put(store, makeApp({ limits: { payloadBytes: 20_000 } }));
    expect(client.transport.maxMessageBytes).toBe(22_048);
  });

  test('the rate of client events, lowered and raised', async () => {
    const { store, harness } = await liveHarness({ ...on, limits: { clientEventsPerSecond: 2 } });
    await using _ = harness;
    const client = await harness.connect();
    await client.subscribe('private-x');
    const outcomes = async (count: number) => {
      for (let sent = 0; sent < count; sent += 1) client.say(clientEvent);
      return (await client.read()).length;
    };
    expect(await outcomes(3)).toBe(1);
    await put(store, makeApp({ ...on, limits: { clientEventsPerSecond: 1 } }));
    expect(await outcomes(3)).toBe(2);
    await put(store, makeApp({ ...on, limits: { clientEventsPerSecond: 20 } }));
    expect(await outcomes(20)).toBe(0);
  });

  test('for messages that waited in the mailbox as well', async () => {
    const { store, harness } = await liveHarness(on);
    await using _ = harness;
    const client = await harness.connect();
    const joining = suspend(harness.adapters.tracker, 'join');
    client.subscribing('private-x');
    client.say(clientEvent);
    await joining.entered;
    await put(store, makeApp());
    joining.open();
    expect(await client.read()).toEqual([
      'pusher_internal:subscription_succeeded private-x {}',
      failed('does not have client messaging enabled'),
    ]);
  });

  test('of that app only, however many change at once', async () => {
    const { store, harness } = await liveHarness(on);
    await using _ = harness;
    const other = makeApp({ id: 'other', key: 'other-key' });
    const [mine, theirs] = [await harness.connect(), await harness.connect({ app: other })];
    const passes = vi.spyOn(harness.core.apps, 'findById');
    const told: string[][] = [];
    harness.core.onAppsChanged((changed) => told.push([...changed.keys()]));
    await put(store, makeApp({ name: 'new' }), makeApp({ id: 'third', key: 'third-key' }), makeApp({ name: 'newer' }));
    expect(mine.connection?.app).toMatchObject({ name: 'newer' });
    expect(theirs.connection?.app).toBe(other);
    expect(told).toEqual([['app', 'third']]);
    expect(passes).toHaveBeenCalledTimes(2);
    // And once more later.
    await put(store, makeApp({ name: 'newest' }));
    expect(mine.connection?.app).toMatchObject({ name: 'newest' });
  });

  test('a store that fails then is logged, and the sockets stay as they are', async () => {
    const { store, harness } = await liveHarness(on);
    await using _ = harness;
    const client = await harness.connect();
    vi.spyOn(store, 'findById').mockRejectedValueOnce(new Error('broken'));
    await put(store, makeApp());
    expect(harness.logged).toMatchObject([{ msg: 'a change of apps could not be taken up' }]);
    expect(client.connection?.app).toBe(harness.app);
    await put(store, makeApp({ name: 'new' }));
    expect(client.connection?.app).toMatchObject({ name: 'new' });
  });
});

describe('a secret that is rotated', () => {
  beforeEach(() => {
    fakeTime();
    vi.setSystemTime(Date.UTC(2026, 0, 1));
  });
  afterEach(() => void vi.useRealTimers());

  test('is good until its notAfter, and the new one at once: for joins and sign-ins', async () => {
    const { store, harness } = await liveHarness();
    await using _ = harness;
    const client = await harness.connect();
    const other = await harness.connect();
    const [before, after] = [
      { key: 'key', secret: 'secret' },
      { key: 'key-2', secret: 'secret-2' },
    ];
    const join = (channel: string, pair: typeof before) =>
      client.subscribe(channel, undefined, token(`${client.socketId}:${channel}`, pair));
    const joined = (channel: string) => [`pusher_internal:subscription_succeeded ${channel} {}`];
    expect(await join('private-a', after)).toContainEqual(failed('unauthorized'));
    await put(store, makeApp({ ...after, keys: [{ ...before, notAfter: '2026-01-01T00:01:00Z' }] }));
    expect(await join('private-a', after)).toEqual(joined('private-a'));
    expect(await join('private-b', before)).toEqual(joined('private-b'));
    const user = '{"id":"7"}';
    expect(await client.signIn(user, token(`${client.socketId}::user::${user}`, before))).toHaveLength(1);
    await passSeconds(61);
    expect(await join('private-c', before)).toContainEqual(failed('unauthorized'));
    expect(await join('private-c', after)).toEqual(joined('private-c'));
    await other.signIn(user, token(`${other.socketId}::user::${user}`, before));
    expect(other.transport.closedWith).toMatchObject({ code: 4009 });
  });
});

describe('sockets are sent away', () => {
  test('with 4003 from an app that is disabled, and with 4001 from one that is removed', async () => {
    const { store, harness } = await liveHarness();
    await using _ = harness;
    const other = makeApp({ id: 'other', key: 'other-key' });
    const [first, second] = [await harness.connect(), await harness.connect({ app: other })];
    await put(store, makeApp({ enabled: false }));
    expect(first.transport.closedWith).toEqual({ code: 4003, reason: 'The app is not enabled.' });
    expect(second.transport.closedWith).toBe(undefined);
    store.remove('other');
    await settle();
    expect(second.transport.closedWith).toEqual({ code: 4001, reason: 'Application does not exist' });
    expect(harness.core.nodeStats().sockets).toBe(0);
    expect(harness.facts.map(({ type }) => type).filter((type) => type === 'connection_closed')).toHaveLength(2);
  });

  describe('in steps', () => {
    beforeEach(() => fakeTime());
    afterEach(() => void vi.useRealTimers());
    const open = (harness: Awaited<ReturnType<typeof liveHarness>>['harness']) => harness.core.nodeStats().sockets;

    test('where they are many, which another change of the app does not speed up', async () => {
      const { store, harness } = await liveHarness({}, 10);
      await using _ = harness;
      for (let sockets = 0; sockets < 12; sockets += 1) await harness.connect();
      await put(store, makeApp({ enabled: false }));
      expect(open(harness)).toBe(11);
      await put(store, makeApp({ enabled: false, name: 'x' }));
      expect(open(harness)).toBe(11);
      await passSeconds(1);
      expect(open(harness)).toBe(1);
      await passSeconds(1);
      expect(open(harness)).toBe(0);
    });

    test('until the app is enabled, or there, again', async () => {
      const { store, harness } = await liveHarness({}, 10);
      await using _ = harness;
      const clients = [await harness.connect(), await harness.connect(), await harness.connect()];
      await put(store, makeApp({ enabled: false }));
      await put(store, makeApp({ name: 'again' }));
      await passSeconds(1);
      expect(open(harness)).toBe(2);
      store.remove('app');
      await settle();
      await put(store, makeApp({ name: 'back' }));
      await passSeconds(1);
      expect(open(harness)).toBe(1);
      expect(clients.at(-1)?.connection?.app).toMatchObject({ name: 'back' });
      await put(store, makeApp({ enabled: false }));
      expect(clients.at(-1)?.transport.closedWith).toMatchObject({ code: 4003 });
    });
  });
});

describe('a count of a busy channel that waits', () => {
  beforeEach(() => fakeTime());
  afterEach(() => void vi.useRealTimers());

  /** A channel that was just told 150, with 151 waiting. */
  function busy() {
    const sent: string[] = [];
    const counts = new SubscriptionCounts((app, _channel, _topic, frame) => {
      sent.push(`${app.name} ${words(textOf(frame))}`);
    });
    const app = makeApp({ name: 'old', subscriptionCount: true });
    for (const count of [150, 151]) counts.changed(app, 'news', count);
    sent.length = 0;
    return { counts, sent };
  }

  test('goes by the app as it is when it is told', async () => {
    const { counts, sent } = busy();
    counts.appsChanged(new Map([['other', makeApp({ id: 'other' })]]));
    counts.appsChanged(new Map([['app', makeApp({ name: 'new', subscriptionCount: true })]]));
    await passSeconds(6);
    expect(sent).toEqual(['new pusher_internal:subscription_count news {"subscription_count":151}']);
    counts.stop();
  });

  test.each<[what: string, app: ReturnType<typeof makeApp> | undefined]>([
    ['the app counts no more', makeApp()],
    ['the app is gone', undefined],
  ])('is dropped when %s', async (_, app) => {
    const { counts, sent } = busy();
    counts.appsChanged(new Map([['app', app]]));
    await passSeconds(6);
    expect(sent).toEqual([]);
    counts.stop();
  });
});

describe('the store', () => {
  test('is started before anything, and its failure is that of the start', async () => {
    const store = new ChangingStore();
    const adapters = memoryAdapters();
    const starting = vi.spyOn(adapters.broker, 'start');
    vi.spyOn(store, 'start').mockRejectedValueOnce(new Error('the apps cannot be read'));
    await expect(createHarness({}, {}, adapters, store)).rejects.toThrow('the apps cannot be read');
    expect(starting).not.toHaveBeenCalled();
  });

  test('is stopped with everything else, and when something else does not start', async () => {
    const adapters = memoryAdapters();
    vi.spyOn(adapters.tracker, 'start').mockRejectedValueOnce(new Error('no tracker'));
    const failing = new ChangingStore();
    await expect(createHarness({}, {}, adapters, failing)).rejects.toThrow('no tracker');
    expect(failing.running).toBe(false);
    const { store, harness } = await liveHarness();
    expect(store.running).toBe(true);
    await harness.core.stop();
    expect(store.running).toBe(false);
  });
});
