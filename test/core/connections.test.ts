// What happens to connections with time: silence, missing authorisation, and the end of the node.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Client } from './support/client.ts';
import { createHarness } from './support/harness.ts';
import { fakeTime, passSeconds, settle } from './support/time.ts';

beforeEach(fakeTime);
afterEach(() => void vi.useRealTimers());

const NO_PONG = 'pusher:error {"code":4201,"message":"Pong reply not received in time"}';
const NOT_AUTHORIZED = 'pusher:error {"code":4009,"message":"Connection not authorized within timeout"}';
const CLOSING = 'pusher:error {"code":4200,"message":"Server is closing. Please reconnect shortly."}';

describe('REC websocket §3.3: liveness, of every connection, subscribed or not', () => {
  test('asks after activity_timeout and 5 s in both forms, and gives up 30 s later with 4201', async () => {
    await using harness = await createHarness({}, { activityTimeoutSeconds: 30, pongTimeoutSeconds: 30 });
    const client = await harness.connect();
    await passSeconds(34);
    expect(await client.read()).toEqual([]);
    expect(client.transport.pings).toBe(0);
    await passSeconds(1);
    expect(await client.read()).toEqual(['pusher:ping {}']);
    expect(client.transport.pings).toBe(1);
    await passSeconds(29);
    expect(await client.read()).toEqual([]);
    expect(client.transport.closedWith).toBe(undefined);
    await passSeconds(1);
    expect(await client.read()).toEqual([NO_PONG]);
    expect(client.transport.closedWith).toEqual({ code: 4201, reason: 'Pong reply not received in time' });
    expect(client.transport.pings).toBe(1);
    expect(harness.core.nodeStats().sockets).toBe(0);
  });

  test.each<[what: string, message: unknown]>([
    ['a ping', { event: 'pusher:ping', data: {} }],
    ['a pong', { event: 'pusher:pong', data: {} }],
    ['an unknown event', { event: 'hello', channel: 'x' }],
    ['what is no message', 'nonsense'],
    ['a WebSocket ping or pong', undefined],
  ])('%s proves the peer alive', async (_, message) => {
    await using harness = await createHarness();
    const client = await harness.connect();
    const heard = async () => {
      if (message === undefined) client.connection?.heard();
      else client.say(message);
      await client.read();
    };
    await passSeconds(34);
    await heard();
    await passSeconds(34);
    expect(client.transport.pings).toBe(0);
    await passSeconds(1);
    expect(client.transport.pings).toBe(1);
    await passSeconds(29);
    await heard();
    await passSeconds(34);
    expect(client.transport.closedWith).toBe(undefined);
    await passSeconds(1);
    expect(client.transport.pings).toBe(2);
  });

  test('what the server sends does not count', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.subscribe('news');
    for (let second = 0; second < 35; second += 1) {
      await harness.trigger({});
      await passSeconds(1);
    }
    expect(await client.read()).toContain('pusher:ping {}');
  });

  test('one silent connection does not end the others', async () => {
    await using harness = await createHarness();
    const silent = await harness.connect();
    const alive = await harness.connect();
    for (let step = 0; step < 7; step += 1) {
      await passSeconds(10);
      alive.connection?.heard();
    }
    expect(silent.transport.closedWith?.code).toBe(4201);
    expect(alive.transport.closedWith).toBe(undefined);
    expect(alive.transport.pings).toBe(0);
  });
});

describe('REC websocket §10.1: authorised connections', () => {
  test('a socket that does nothing is closed with 4009 after 30 s', async () => {
    await using harness = await createHarness({ signInRequired: true });
    const client = await harness.connect();
    await passSeconds(29);
    expect(client.transport.closedWith).toBe(undefined);
    await passSeconds(1);
    expect(await client.read()).toEqual([NOT_AUTHORIZED]);
    expect(client.transport.closedWith).toEqual({ code: 4009, reason: 'Connection not authorized within timeout' });
  });

  test.each([
    ['joined a public channel', 'news', false],
    ['was refused a private channel', 'private-refused', false],
    ['joined a private channel', 'private-x', true],
    ['joined a presence channel', 'presence-x', true],
    ['signed in', '', true],
  ])('one that %s, on "%s": stays %s', async (_, channel, stays) => {
    await using harness = await createHarness({ signInRequired: true });
    const client = await harness.connect();
    if (channel === '') await client.signIn({ id: '7' });
    else if (channel === 'private-refused') await client.subscribe(channel, undefined, 'key:nonsense');
    else await client.subscribe(channel, channel === 'presence-x' ? { user_id: '7' } : undefined);
    if (channel === 'private-x') await client.unsubscribe(channel);
    for (let step = 0; step < 4; step += 1) {
      await passSeconds(10);
      client.connection?.heard();
    }
    expect(client.transport.closedWith).toEqual(
      stays ? undefined : { code: 4009, reason: 'Connection not authorized within timeout' },
    );
  });

  test('no app demands it unless it says so', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await passSeconds(31);
    expect(client.transport.closedWith).toBe(undefined);
  });
});

describe('REC websocket §11: the node’s end: error and close 4200, staggered', () => {
  const drain = { closesPerSecond: 30, withinMs: 10_000 };

  test('sends connections away in steps, and resolves when all have left', async () => {
    await using harness = await createHarness();
    const clients: Client[] = [];
    for (let count = 0; count < 7; count += 1) clients.push(await harness.connect());
    const closed = () => clients.filter(({ transport }) => transport.closedWith !== undefined).length;
    let drained = false;
    const draining = harness.core.drain(drain).then(() => {
      drained = true;
    });
    expect(harness.core.draining).toBe(true);
    expect(closed()).toBe(3);
    await vi.advanceTimersByTimeAsync(100);
    expect(closed()).toBe(6);
    await settle();
    expect(drained).toBe(false);
    await vi.advanceTimersByTimeAsync(100);
    await draining;
    for (const client of clients) {
      expect(await client.read()).toEqual([CLOSING]);
      expect(client.transport.closedWith).toEqual({
        code: 4200,
        reason: 'Server is closing. Please reconnect shortly.',
      });
    }
    expect(harness.core.nodeStats()).toEqual({ sockets: 0, topics: 0, malformed: 0 });
    expect(vi.getTimerCount()).toBe(4);
  });

  test('takes larger steps when the time would not suffice', async () => {
    await using harness = await createHarness();
    const clients: Client[] = [];
    for (let count = 0; count < 40; count += 1) clients.push(await harness.connect());
    const draining = harness.core.drain({ closesPerSecond: 1, withinMs: 1000 });
    await vi.advanceTimersByTimeAsync(500);
    expect(clients.every(({ transport }) => transport.closedWith?.code === 4200)).toBe(true);
    await draining;
  });

  test('gives up waiting when the time is over, as one connection cannot leave', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.subscribe('news');
    harness.adapters.tracker.leave = () => new Promise(() => {});
    let drained = false;
    const draining = harness.core.drain({ closesPerSecond: 10, withinMs: 1000 }).then(() => {
      drained = true;
    });
    await vi.advanceTimersByTimeAsync(999);
    expect(drained).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await draining;
    expect(harness.core.nodeStats().sockets).toBe(1);
  });

  test('a socket that arrives meanwhile is refused with 4100, as 4200 would bring it back at once', async () => {
    await using harness = await createHarness();
    await harness.core.drain(drain);
    const late = harness.open();
    expect(late.connection).toBe(undefined);
    expect(await late.read()).toEqual([CLOSING.replace('4200', '4100')]);
    expect(late.transport.closedWith?.code).toBe(4100);
    expect(harness.core.nodeStats().sockets).toBe(0);
  });

  test('resolves at once when nobody is there', async () => {
    await using harness = await createHarness();
    await expect(harness.core.drain(drain)).resolves.toBe(undefined);
  });

  test('leaves no timer behind after the stop, which may come twice', async () => {
    const harness = await createHarness({ subscriptionCount: true });
    await (await harness.connect()).subscribe('news');
    await harness.core.stop();
    await harness.core.stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});
