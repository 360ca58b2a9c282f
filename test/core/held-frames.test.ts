// Frames that arrive while a join is under way wait for the acknowledgement; none is lost, none comes twice.
import { describe, expect, test } from 'vitest';
import { createHarness, suspend } from './support/harness.ts';
import { settle } from './support/time.ts';

const ROSTER_BOTH = '{"presence":{"count":2,"ids":["1","2"],"hash":{"1":null,"2":null}}}';

describe('websocket §4.2: no channel event reaches a subscriber before its acknowledgement, and none is lost', () => {
  test.each(['call', 'answer'] as const)('an event published while the tracker is asked (%s)', async (what) => {
    await using harness = await createHarness();
    const client = await harness.connect();
    const gate = suspend(harness.adapters.tracker, 'join', what);
    client.subscribing('news');
    await gate.entered;
    await harness.trigger({ data: '1' });
    await harness.trigger({ data: '2' });
    expect(await client.read()).toEqual([]);
    gate.open();
    expect(await client.read()).toEqual(['pusher_internal:subscription_succeeded news {}', 'e news 1', 'e news 2']);
    await harness.trigger({ data: '3' });
    expect(await client.read()).toEqual(['e news 3']);
  });

  test('a member who joins after the snapshot was taken is announced after it', async () => {
    await using harness = await createHarness();
    const first = await harness.connect();
    const second = await harness.connect();
    const gate = suspend(harness.adapters.tracker, 'join', 'answer');
    first.subscribing('presence-room', { user_id: '1' });
    await gate.entered;
    expect(await second.subscribe('presence-room', { user_id: '2' })).toEqual([
      `pusher_internal:subscription_succeeded presence-room ${ROSTER_BOTH}`,
    ]);
    expect(await first.read()).toEqual([]);
    gate.open();
    expect(await first.read()).toEqual([
      'pusher_internal:subscription_succeeded presence-room {"presence":{"count":1,"ids":["1"],"hash":{"1":null}}}',
      'pusher_internal:member_added presence-room {"user_id":"2","user_info":null}',
    ]);
  });

  test('a member who leaves after the snapshot was taken is removed after it', async () => {
    await using harness = await createHarness();
    const first = await harness.connect();
    const second = await harness.connect();
    await first.subscribe('presence-room', { user_id: '1' });
    const gate = suspend(harness.adapters.tracker, 'join', 'answer');
    second.subscribing('presence-room', { user_id: '2' });
    await gate.entered;
    await first.unsubscribe('presence-room');
    gate.open();
    expect(await second.read()).toEqual([
      `pusher_internal:subscription_succeeded presence-room ${ROSTER_BOTH}`,
      'pusher_internal:member_removed presence-room {"user_id":"1"}',
    ]);
  });

  test('during a repeated subscribe the same holds', async () => {
    await using harness = await createHarness();
    const first = await harness.connect();
    const second = await harness.connect();
    await first.subscribe('presence-room', { user_id: '1' });
    const gate = suspend(harness.adapters.tracker, 'members', 'answer');
    first.subscribing('presence-room', { user_id: '1' });
    await gate.entered;
    await second.subscribe('presence-room', { user_id: '2' });
    expect(await first.read()).toEqual([]);
    gate.open();
    expect(await first.read()).toEqual([
      'pusher_internal:subscription_succeeded presence-room {"presence":{"count":1,"ids":["1"],"hash":{"1":null}}}',
      'pusher_internal:member_added presence-room {"user_id":"2","user_info":null}',
    ]);
  });

  test('an event that is in the cache and on its way comes once', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    const gate = suspend(harness.adapters.tracker, 'join');
    client.subscribing('cache-news');
    await gate.entered;
    await harness.trigger({ channels: ['cache-news'], data: '1' });
    await harness.trigger({ channels: ['cache-news'], data: '2' });
    gate.open();
    expect(await client.read()).toEqual([
      'pusher_internal:subscription_succeeded cache-news {}',
      'e cache-news 1',
      'e cache-news 2',
    ]);
  });

  test('an event published while the cache is asked comes after the cached one', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await harness.trigger({ channels: ['cache-news'], data: 'old' });
    const gate = suspend(harness.adapters.eventCache, 'get', 'answer');
    client.subscribing('cache-news');
    await gate.entered;
    await harness.trigger({ channels: ['cache-news'], data: 'new' });
    gate.open();
    expect(await client.read()).toEqual([
      'pusher_internal:subscription_succeeded cache-news {}',
      'e cache-news old',
      'e cache-news new',
    ]);
  });
});

describe('the broker’s subscription comes first', () => {
  test('the tracker is not told before the node really listens', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    const gate = suspend(harness.adapters.broker, 'subscribe');
    client.subscribing('news');
    await gate.entered;
    await settle();
    expect(await harness.adapters.tracker.listCounted('app', '')).toEqual(new Map());
    gate.open();
    expect(await client.read()).toEqual(['pusher_internal:subscription_succeeded news {}']);
  });

  test('a broker that cannot subscribe ends the connection, and leaves nothing behind', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    const gate = suspend(harness.adapters.broker, 'subscribe');
    client.subscribing('presence-room', { user_id: '7' });
    gate.fail(new Error('no broker'));
    await client.read();
    expect(client.transport.closedWith?.code).toBe(4100);
    expect(await harness.remains()).toEqual({ topics: 0, channels: [] });
    const next = await harness.connect();
    expect(await next.subscribe('presence-room', { user_id: '7' })).toHaveLength(1);
  });
});
