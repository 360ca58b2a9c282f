// Cache channels: the last published event, for whoever comes later.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createHarness, Harness } from './support/harness.ts';
import { fakeTime, passSeconds } from './support/time.ts';

const acknowledged = (channel: string) => `pusher_internal:subscription_succeeded ${channel} {}`;

describe('REC websocket §9', () => {
  test('the last published event follows the acknowledgement, as an ordinary event', async () => {
    await using harness = await createHarness();
    await harness.trigger({ channels: ['cache-news'], name: 'first', data: '1' });
    await harness.trigger({ channels: ['cache-news'], name: 'last', data: '{ "a" : 1 }' });
    const client = await harness.connect();
    client.subscribing('cache-news');
    expect(await client.readTexts()).toEqual([
      '{"event":"pusher_internal:subscription_succeeded","channel":"cache-news","data":"{}"}',
      '{"event":"last","channel":"cache-news","data":"{ \\"a\\" : 1 }"}',
    ]);
    expect(harness.takeFacts()).toEqual(['channel_occupied cache-news']);
  });

  test('none stored: cache_miss, and the fact', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    expect(await client.subscribe('cache-news')).toEqual([
      acknowledged('cache-news'),
      'pusher:cache_miss cache-news {}',
    ]);
    expect(harness.takeFacts()).toEqual(['channel_occupied cache-news', 'cache_miss cache-news']);
  });

  test('an event is kept independent of occupancy', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.subscribe('cache-news');
    await harness.trigger({ channels: ['cache-news'], data: '1' });
    await client.unsubscribe('cache-news');
    await client.read();
    expect(await client.subscribe('cache-news')).toEqual([acknowledged('cache-news'), 'e cache-news 1']);
  });

  test('the socket that was excepted sees the event when it subscribes later', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.subscribe('cache-news');
    await harness.trigger({ channels: ['cache-news'], data: '1', socketId: client.socketId });
    expect(await client.read()).toEqual([]);
    expect(await client.subscribe('cache-news')).toEqual([acknowledged('cache-news'), 'e cache-news 1']);
  });

  test('member_removed is not what a presence-cache channel keeps', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.subscribe('presence-cache-x', { user_id: '7' });
    await client.unsubscribe('presence-cache-x');
    expect((await client.subscribe('presence-cache-x', { user_id: '8' }))[1]).toBe(
      'pusher:cache_miss presence-cache-x {}',
    );
  });

  test('an event to several channels is kept for those that keep', async () => {
    await using harness = await createHarness();
    await harness.trigger({ channels: ['news', 'cache-a', 'private-cache-b', 'my-cache-c'], data: '1' });
    const client = await harness.connect();
    expect(await client.subscribe('cache-a')).toEqual([acknowledged('cache-a'), 'e cache-a 1']);
    expect(await client.subscribe('private-cache-b')).toEqual([acknowledged('private-cache-b'), 'e private-cache-b 1']);
    expect(await client.subscribe('news')).toEqual([acknowledged('news')]);
    expect(await client.subscribe('my-cache-c')).toEqual([acknowledged('my-cache-c')]);
  });

  describe('with time', () => {
    beforeEach(fakeTime);
    afterEach(() => void vi.useRealTimers());

    describe('REC webhooks §2: cache_miss is announced', () => {
      const misses = (harness: Harness) => harness.takeFacts().filter((fact) => fact.startsWith('cache_miss')).length;
      const arrive = async (harness: Harness) => {
        const client = await harness.connect();
        await client.subscribe('cache-news');
        return client;
      };

      test('once, however many subscribers find nothing', async () => {
        await using harness = await createHarness();
        for (let n = 0; n < 3; n += 1) {
          expect(await (await harness.connect()).subscribe('cache-news')).toContain('pusher:cache_miss cache-news {}');
          await passSeconds(10);
        }
        expect(misses(harness)).toBe(1);
      });

      test.each([
        ['something was cached and is over', (harness: Harness) => harness.trigger({ channels: ['cache-news'] })],
        [
          'somebody found something',
          async (harness: Harness) => {
            const { app, adapters } = harness;
            await adapters.eventCache.set(app.id, 'cache-news', { name: 'e', data: '' }, 1);
            await arrive(harness);
          },
        ],
      ])('again when %s', async (_, happen) => {
        await using harness = await createHarness({ cacheTtlSeconds: 1 });
        await arrive(harness);
        await happen(harness);
        await passSeconds(6);
        await arrive(harness);
        expect(misses(harness)).toBe(2);
      });

      test('again when what another node cached is over', async () => {
        await using harness = await createHarness({ cacheTtlSeconds: 8 });
        const other = new Harness({ cacheTtlSeconds: 8 }, {}, harness.adapters);
        await arrive(harness);
        await passSeconds(7);
        await arrive(harness);
        expect(misses(harness)).toBe(1);
        await other.trigger({ channels: ['cache-news'] });
        await passSeconds(8);
        await arrive(harness);
        expect(misses(harness)).toBe(1);
      });

      test('again when all have left, but not within five seconds', async () => {
        await using harness = await createHarness();
        for (const seconds of [0, 4, 1]) {
          await passSeconds(seconds);
          await (await arrive(harness)).close();
        }
        expect(misses(harness)).toBe(2);
      });
    });

    test.each([
      ['1800 s by default', {}, 1800],
      ['or what the app says', { cacheTtlSeconds: 60 }, 60],
    ])('%s', async (_, app, seconds) => {
      await using harness = await createHarness(app);
      await harness.trigger({ channels: ['cache-news'], data: '1' });
      await vi.advanceTimersByTimeAsync(seconds * 1000 - 1);
      expect(await harness.adapters.eventCache.get('app', 'cache-news')).toMatchObject({ data: '1', ttlSeconds: 1 });
      await vi.advanceTimersByTimeAsync(1);
      expect(await harness.adapters.eventCache.get('app', 'cache-news')).toBe(undefined);
    });
  });
});
