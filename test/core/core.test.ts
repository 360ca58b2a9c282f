// Core as the edges see it: its life, its facts and its numbers.
import { describe, expect, test } from 'vitest';
import type { Fact } from '../../src/core/facts.ts';
import { createHarness } from './support/harness.ts';

test('knows the app of a socket that is open here', async () => {
  await using harness = await createHarness();
  const client = await harness.connect();
  expect(harness.core.appIdOf(client.socketId)).toBe('app');
  expect(harness.core.appIdOf('1.2')).toBe(undefined);
  await client.close();
  expect(harness.core.appIdOf(client.socketId)).toBe(undefined);
});

describe('facts are told in the past tense, each once', () => {
  test('the life of two connections', async () => {
    await using harness = await createHarness({ clientEvents: true });
    const [one, two] = [await harness.connect(), await harness.connect()];
    await one.subscribe('presence-room', { user_id: '1' });
    await two.subscribe('presence-room', { user_id: '2' });
    await two.subscribe('presence-room', { user_id: '2' });
    await one.ask({ event: 'client-a', channel: 'presence-room', data: { x: 1 } });
    await one.close();
    await two.close();
    const common = { appId: 'app', channel: 'presence-room' };
    const facts: Fact[] = [
      { type: 'connection_opened', appId: 'app', socketId: one.socketId },
      { type: 'connection_opened', appId: 'app', socketId: two.socketId },
      { type: 'channel_occupied', ...common },
      { type: 'member_added', ...common, userId: '1' },
      { type: 'member_added', ...common, userId: '2' },
      { type: 'client_event', ...common, event: 'client-a', data: '{"x":1}', socketId: one.socketId, userId: '1' },
      { type: 'member_removed', ...common, userId: '1' },
      { type: 'connection_closed', appId: 'app', socketId: one.socketId, userId: undefined },
      { type: 'member_removed', ...common, userId: '2' },
      { type: 'channel_vacated', ...common },
      { type: 'connection_closed', appId: 'app', socketId: two.socketId, userId: undefined },
    ];
    expect(harness.facts).toEqual(facts);
  });

  test('a connection that closes says who it was signed in as', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.signIn({ id: '7' });
    await client.close();
    expect(harness.facts.at(-1)).toEqual({
      ...{ type: 'connection_closed', appId: 'app', userId: '7' },
      socketId: client.socketId,
    });
  });

  test('after the state changed: what a listener asks is answered accordingly', async () => {
    await using harness = await createHarness();
    const asked: Promise<unknown>[] = [];
    harness.core.facts.listen(({ type }) => {
      if (type.startsWith('channel_')) asked.push(harness.adapters.tracker.counts('app', ['news']));
    });
    const client = await harness.connect();
    await client.subscribe('news');
    await client.unsubscribe('news');
    expect(await Promise.all(asked)).toEqual([
      [{ subscriptionCount: 1, userCount: 0 }],
      [{ subscriptionCount: 0, userCount: 0 }],
    ]);
  });

  test('a listener that throws hurts neither clients nor the other listeners', async () => {
    await using harness = await createHarness();
    harness.core.facts.listen(() => {
      throw new Error('broken');
    });
    const heard: string[] = [];
    harness.core.facts.listen(({ type }) => heard.push(type));
    const client = await harness.connect();
    expect(await client.subscribe('news')).toEqual(['pusher_internal:subscription_succeeded news {}']);
    await client.close();
    expect(heard).toEqual(['connection_opened', 'channel_occupied', 'channel_vacated', 'connection_closed']);
    expect(harness.logged).toHaveLength(4);
    expect(harness.core.nodeStats()).toEqual({ sockets: 0, topics: 0, malformed: 0 });
  });
});

test('counts sockets and topics of the node, and connections of the app', async () => {
  await using harness = await createHarness();
  const [one, two] = [await harness.connect(), await harness.connect()];
  await one.subscribe('news');
  await two.subscribe('news');
  await two.subscribe('presence-room', { user_id: '7' });
  // The channels, and the member's own topic.
  expect(harness.core.nodeStats()).toEqual({ sockets: 2, topics: 3, malformed: 0 });
  expect(await harness.core.connectionCount(harness.app)).toBe(2);
  expect(harness.core.stats(harness.app).sockets).toBe(2);
  expect(harness.core.stats({ ...harness.app, id: 'other' })).toEqual({
    sockets: 0,
    traffic: { received: 0, triggered: 0, sent: 0, slowReaders: 0 },
  });
  await two.close();
  expect(harness.core.nodeStats()).toEqual({ sockets: 1, topics: 1, malformed: 0 });
});

test('finds apps by the key of the path and by the id of the API', async () => {
  await using harness = await createHarness();
  expect(await harness.core.apps.findByKey('key')).toBe(harness.app);
  expect(await harness.core.apps.findById('app')).toBe(harness.app);
});

test('says that it drains from the first moment, and after the stop', async () => {
  const harness = await createHarness();
  expect(harness.core.draining).toBe(false);
  const draining = harness.core.drain({ closesPerSecond: 10, withinMs: 100 });
  expect(harness.core.draining).toBe(true);
  await draining;
  const other = await createHarness();
  await Promise.all([harness.core.stop(), other.core.stop()]);
  expect(other.core.draining).toBe(true);
});

test('the same numbers for the same app, always the same object, so that counting costs nothing', async () => {
  await using harness = await createHarness();
  const { traffic } = harness.core.stats(harness.app);
  await harness.trigger({});
  expect(harness.core.stats(harness.app).traffic).toBe(traffic);
  expect(traffic.triggered).toBe(1);
});
