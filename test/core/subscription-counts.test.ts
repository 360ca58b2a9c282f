// How many subscribers a channel has, told to them: at once on small channels, now and then on busy ones.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SubscriptionCounts } from '../../src/core/subscription-counts.ts';
import { textOf } from '../protocol/support/frames.ts';
import { words } from './support/client.ts';
import { createHarness, makeApp } from './support/harness.ts';
import { fakeTime } from './support/time.ts';

const count = (channel: string, number: number) =>
  `pusher_internal:subscription_count ${channel} {"subscription_count":${number}}`;

describe('REC websocket §8: subscription_count', () => {
  test('goes to all subscribers, the new one included, after its acknowledgement and the cached event', async () => {
    await using harness = await createHarness({ subscriptionCount: true });
    const [first, second] = [await harness.connect(), await harness.connect()];
    await harness.trigger({ channels: ['cache-x'], data: '1' });
    const acknowledged = ['pusher_internal:subscription_succeeded cache-x {}', 'e cache-x 1'];
    expect(await first.subscribe('cache-x')).toEqual([...acknowledged, count('cache-x', 1)]);
    expect(await second.subscribe('cache-x')).toEqual([...acknowledged, count('cache-x', 2)]);
    expect(await first.read()).toEqual([count('cache-x', 2)]);
    expect(await second.unsubscribe('cache-x')).toEqual([]);
    expect(await first.read()).toEqual([count('cache-x', 1)]);
    harness.takeFacts();
    const publish = vi.spyOn(harness.adapters.broker, 'publish');
    await first.close();
    expect(publish).not.toHaveBeenCalled();
    expect(harness.takeFacts()).toEqual(['channel_vacated cache-x', 'subscription_count cache-x 0']);
  });

  test('is off by default', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    expect(await client.subscribe('news')).toEqual(['pusher_internal:subscription_succeeded news {}']);
    expect(harness.takeFacts()).toEqual(['channel_occupied news']);
  });

  test('is for channels without presence, and not for a user’s own', async () => {
    await using harness = await createHarness({ subscriptionCount: true });
    const client = await harness.connect();
    await client.signIn({ id: '7' });
    expect(await client.subscribe('presence-x', { user_id: '7' })).toHaveLength(1);
    expect(await client.subscribe('#server-to-user-7')).toHaveLength(1);
    expect(await client.subscribe('private-x')).toHaveLength(2);
  });

  test('a broker that cannot publish it is logged, and ends nobody', async () => {
    await using harness = await createHarness({ subscriptionCount: true });
    const client = await harness.connect();
    vi.spyOn(harness.adapters.broker, 'publish').mockRejectedValueOnce(new Error('down'));
    expect(await client.subscribe('news')).toEqual(['pusher_internal:subscription_succeeded news {}']);
    expect(harness.logged).toMatchObject([{ level: 40, msg: 'a subscription count could not be published' }]);
  });
});

describe('REC websocket §8: busy channels are told once in 5 s, the last number included', () => {
  beforeEach(fakeTime);
  afterEach(() => void vi.useRealTimers());

  const app = makeApp({ subscriptionCount: true });

  function setUp(): { counts: SubscriptionCounts; sent: string[] } {
    const sent: string[] = [];
    const counts = new SubscriptionCounts((_app, channel, topic, frame, number) => {
      expect(topic).toBe(`app/c/${channel}`);
      expect(words(textOf(frame))).toBe(count(channel, number));
      sent.push(`${channel} ${number}`);
    });
    return { counts, sent };
  }

  test('up to 100 each change is told', () => {
    const { counts, sent } = setUp();
    for (let number = 1; number <= 100; number += 1) counts.changed(app, 'news', number);
    expect(sent).toHaveLength(100);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('above 100 the first is told, then the last one after 5 s, and again', () => {
    const { counts, sent } = setUp();
    for (const number of [101, 102, 103]) counts.changed(app, 'news', number);
    expect(sent).toEqual(['news 101']);
    vi.advanceTimersByTime(4999);
    expect(sent).toEqual(['news 101']);
    vi.advanceTimersByTime(1);
    expect(sent).toEqual(['news 101', 'news 103']);
    counts.changed(app, 'news', 104);
    vi.advanceTimersByTime(5000);
    expect(sent).toEqual(['news 101', 'news 103', 'news 104']);
    vi.advanceTimersByTime(5000);
    expect(sent).toHaveLength(3);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a channel that empties within the 5 s has its last number told too, and is small again', () => {
    const { counts, sent } = setUp();
    for (const number of [101, 100, 99]) counts.changed(app, 'news', number);
    vi.advanceTimersByTime(5000);
    counts.changed(app, 'news', 98);
    expect(sent).toEqual(['news 101', 'news 99', 'news 98']);
  });

  test('one busy channel does not slow another', () => {
    const { counts, sent } = setUp();
    counts.changed(app, 'news', 101);
    counts.changed(app, 'sport', 500);
    counts.changed({ ...app, id: 'app' }, 'small', 2);
    expect(sent).toEqual(['news 101', 'sport 500', 'small 2']);
  });

  test('after the stop nothing is told', () => {
    const { counts, sent } = setUp();
    counts.changed(app, 'news', 101);
    counts.changed(app, 'news', 102);
    counts.stop();
    counts.stop();
    vi.advanceTimersByTime(10_000);
    expect(sent).toEqual(['news 101']);
    expect(vi.getTimerCount()).toBe(0);
  });
});
