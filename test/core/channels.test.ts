// Questions about channels: what is counted, what is left out, what strict apps refuse.
import { describe, expect, test } from 'vitest';
import { type AppInput, createHarness, type Harness } from './support/harness.ts';

const none = { userCount: false, subscriptionCount: false };
const users = { userCount: true, subscriptionCount: false };
const both = { userCount: true, subscriptionCount: true };

/** Two sockets on `news`, three of two users on `presence-room`. */
async function populated(app: AppInput = {}): Promise<Harness> {
  const harness = await createHarness(app);
  const clients = [await harness.connect(), await harness.connect(), await harness.connect()];
  for (const [index, client] of clients.entries()) {
    if (index < 2) await client.subscribe('news');
    await client.subscribe('presence-room', { user_id: index === 0 ? '1' : '2', user_info: { index } });
  }
  return harness;
}

test('lists occupied channels, with the counts asked for where they apply', async () => {
  await using harness = await populated();
  expect(await harness.core.listChannels(harness.app, '', none)).toEqual([
    ['news', {}],
    ['presence-room', {}],
  ]);
  expect(await harness.core.listChannels(harness.app, '', both)).toEqual([
    ['news', { subscription_count: 2 }],
    ['presence-room', { user_count: 2, subscription_count: 3 }],
  ]);
  expect(await harness.core.listChannels(harness.app, 'presence-', users)).toEqual([
    ['presence-room', { user_count: 2 }],
  ]);
  expect(await harness.core.listChannels({ ...harness.app, id: 'other' }, '', both)).toEqual([]);
});

test('counts channels in the order asked, zeros where nobody is', async () => {
  await using harness = await populated();
  expect(await harness.core.countChannels(harness.app, ['presence-x', 'presence-room', 'news'], both)).toEqual([
    ['presence-x', { user_count: 0, subscription_count: 0 }],
    ['presence-room', { user_count: 2, subscription_count: 3 }],
    ['news', { subscription_count: 2 }],
  ]);
});

describe('one channel', () => {
  const asked = { ...none, cache: false };
  test.each([
    ['occupied', 'news', asked, { occupied: true }],
    ['empty', 'sport', asked, { occupied: false }],
    ['counted', 'news', { ...both, cache: true }, { occupied: true, subscription_count: 2 }],
    ['presence', 'presence-room', { ...both, cache: true }, { occupied: true, user_count: 2, subscription_count: 3 }],
    ['cache, nothing kept', 'cache-x', { ...asked, cache: true }, { occupied: false, cache: null }],
    ['cache', 'cache-y', { ...asked, cache: true }, { occupied: false, cache: { data: 'd', ttl: 1800 } }],
    ['cache, not asked for', 'cache-y', asked, { occupied: false }],
  ])('%s', async (_, channel, info, answer) => {
    await using harness = await populated();
    await harness.trigger({ channels: ['cache-y'] });
    expect(await harness.core.describeChannel(harness.app, channel, info)).toEqual(answer);
  });
});

describe('members', () => {
  test('each user once, with the info of the first connection', async () => {
    await using harness = await populated();
    expect(await harness.core.listMembers(harness.app, 'presence-room')).toEqual([
      { userId: '1', info: '{"index":0}' },
      { userId: '2', info: '{"index":1}' },
    ]);
    expect(await harness.core.listMembers(harness.app, 'presence-empty')).toEqual([]);
  });

  test('REC limits §3: of presence channels only', async () => {
    await using harness = await populated();
    await expect(harness.core.listMembers(harness.app, 'news')).rejects.toMatchObject({
      status: 400,
      message: 'Users can only be retrieved for presence channels',
    });
  });
});

describe('REC limits §3: users counted where there are none', () => {
  test('are left out', async () => {
    await using harness = await populated();
    expect(await harness.core.describeChannel(harness.app, 'news', { ...users, cache: false })).toEqual({
      occupied: true,
    });
    expect(await harness.core.listChannels(harness.app, 'news', users)).toEqual([['news', {}]]);
  });

  test('are a 400 on strict apps', async () => {
    await using harness = await populated({ strict: true });
    await expect(harness.core.describeChannel(harness.app, 'news', { ...users, cache: false })).rejects.toMatchObject({
      status: 400,
      message: 'Cannot retrieve the user count unless the channel is a presence channel',
    });
    for (const prefix of ['', 'news', 'presence']) {
      await expect(harness.core.listChannels(harness.app, prefix, users)).rejects.toMatchObject({ status: 400 });
    }
    expect(await harness.core.listChannels(harness.app, 'presence-', users)).toEqual([
      ['presence-room', { user_count: 2 }],
    ]);
    expect(await harness.core.listChannels(harness.app, '', none)).toHaveLength(2);
  });
});
