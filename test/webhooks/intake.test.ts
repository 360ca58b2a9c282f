// From core's facts to the queue: in order, only what is wanted, and bounded while the queue is away. In fake time.
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { App } from '../../src/core/app.ts';
import type { Fact } from '../../src/core/facts.ts';
import type { QueuedEvent } from '../../src/core/webhook-queue.ts';
import { Intake } from '../../src/webhooks/intake.ts';
import { makeApp } from '../core/support/harness.ts';
import { fakeTime, settle } from '../core/support/time.ts';
import { pass } from './support/rig.ts';

const URL_ = 'http://a.example/hook';

beforeEach(fakeTime);
afterEach(() => void vi.useRealTimers());

function rig(webhooks: Parameters<typeof makeApp>[0] = { webhooks: [{ url: URL_ }] }, keptBytesPerApp = 1_000_000) {
  const queued: QueuedEvent[] = [];
  const logged: string[] = [];
  const log = pino({}, { write: (line: string) => void logged.push((JSON.parse(line) as { msg: string }).msg) });
  const counts = { queued: 0, sent: 0, failed: 0, dead: 0, dropped: 0 };
  const apps = new Map<string, App>([['app', makeApp(webhooks)]]);
  const state = { away: false, refused: false, dropping: 0, lookUps: 0, wanted: 0 };
  const intake = new Intake({
    options: { keptBytesPerApp, againMs: 1000 },
    queue: {
      add: async (_, events) => {
        if (state.away) throw new Error('away');
        queued.push(...events);
        return state.dropping;
      },
    },
    apps: {
      findById: async (id) => {
        state.lookUps += 1;
        return state.refused ? undefined : apps.get(id);
      },
      refused: () => (state.refused ? [{ id: 'app', reason: 'no app' }] : []),
    },
    counts,
    log,
    onWanted: () => {
      state.wanted += 1;
    },
  });
  const numbers = () => queued.map(({ event }) => Number(event.data));
  return { intake, queued, logged, counts, apps, state, numbers };
}

const whisper = (data: number): Fact => ({
  ...{ type: 'client_event', appId: 'app', channel: 'private-a', event: 'client-e', data: String(data) },
  socketId: '1.1',
  userId: undefined,
});
const opened: Fact = { type: 'connection_opened', appId: 'app', socketId: '1.1' };

test('queues what happens, in order, each with an id of its own and the time', async () => {
  const { intake, queued, numbers, counts } = rig();
  for (let n = 0; n < 1200; n += 1) intake.hear(whisper(n));
  await intake.flush();
  expect(numbers()).toEqual(Array.from({ length: 1200 }, (_, n) => n));
  expect(new Set(queued.map(({ id }) => id)).size).toBe(1200);
  expect(queued[0]).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    atMs: Date.now(),
    event: { name: 'client_event', channel: 'private-a', event: 'client-e', data: '0', socket_id: '1.1' },
    wantedBy: [URL_],
  });
  expect(counts.queued).toBe(1200);
});

test('queues only what some endpoint wants', async () => {
  const webhooks = [
    { url: URL_, channelStartsWith: 'private-' },
    { url: `${URL_}/2`, channelEndsWith: '-b', events: ['channel_occupied' as const] },
  ];
  const { intake, queued } = rig({ webhooks });
  for (const channel of ['private-a', 'a-b', 'a']) intake.hear({ type: 'channel_occupied', appId: 'app', channel });
  intake.hear({ type: 'cache_miss', appId: 'app', channel: 'a-b' });
  intake.hear(opened);
  await intake.flush();
  expect(queued.map(({ event, wantedBy }) => [event.channel, wantedBy])).toEqual([
    ['private-a', [URL_]],
    ['a-b', [`${URL_}/2`]],
  ]);
});

test('queues what may undo what an endpoint wants', async () => {
  const { intake, queued, state } = rig({ webhooks: [{ url: URL_, events: ['channel_vacated', 'member_added'] }] });
  const fact = { appId: 'app', channel: 'presence-a' };
  const facts: Fact[] = [
    { ...fact, type: 'channel_occupied' },
    { ...fact, type: 'member_removed', userId: '1' },
    { ...fact, type: 'cache_miss' },
  ];
  for (const one of [...facts, ...facts]) {
    intake.hear(one);
    await intake.flush();
  }
  expect(queued.map(({ event }) => event.name)).toEqual([
    ...['channel_occupied', 'member_removed'],
    ...['channel_occupied', 'member_removed'],
  ]);
  // What nobody wants is not looked up again.
  expect(state.lookUps).toBe(4);
});

test('connections are heard of where they are asked for, whatever the filters for channels', async () => {
  const { intake, queued } = rig({
    webhooks: [{ url: URL_, events: ['connection_opened', 'connection_closed'], channelStartsWith: 'private-' }],
  });
  intake.hear(opened);
  intake.hear({ type: 'connection_closed', appId: 'app', socketId: '1.1', userId: '7' });
  await intake.flush();
  expect(queued.map(({ event }) => event)).toEqual([
    { name: 'connection_opened', channel: '', socket_id: '1.1' },
    { name: 'connection_closed', channel: '', socket_id: '1.1', user_id: '7' },
  ]);
});

test('an app without endpoints is looked up once in a second, and one that gets some is heard within it', async () => {
  const { intake, queued, apps, state } = rig({});
  for (let n = 0; n < 10; n += 1) {
    intake.hear(whisper(n));
    await settle();
  }
  expect([state.lookUps, state.wanted]).toEqual([1, 0]);
  apps.set('app', makeApp({ webhooks: [{ url: URL_ }] }));
  await pass(1000);
  intake.hear(whisper(10));
  await intake.flush();
  expect([queued.length, state.wanted]).toEqual([1, 1]);
  intake.hear({ ...whisper(0), appId: 'nobody' });
  await intake.flush();
  expect(queued).toHaveLength(1);
});

describe('while the queue is away', () => {
  test('events are kept, and queued in order when it is back', async () => {
    const { intake, numbers, logged, state } = rig();
    state.away = true;
    for (let n = 0; n < 3; n += 1) {
      intake.hear(whisper(n));
      await pass(1000);
    }
    state.away = false;
    intake.hear(whisper(3));
    await pass(1000);
    expect(numbers()).toEqual([0, 1, 2, 3]);
    expect(logged).toEqual(['webhook events cannot be queued, and wait in memory', 'webhook events are queued again']);
  });

  test('so they are while the record of their app is refused', async () => {
    const { intake, numbers, logged, state } = rig();
    state.refused = true;
    intake.hear(whisper(0));
    await pass(5000);
    expect(numbers()).toEqual([]);
    state.refused = false;
    await pass(1000);
    expect(numbers()).toEqual([0]);
    expect(logged).toEqual(['webhook events cannot be queued, and wait in memory', 'webhook events are queued again']);
  });

  test('no more than so many, the oldest are dropped, counted and said once', async () => {
    const { intake, numbers, logged, counts, state } = rig(undefined, 100 * (256 + 3));
    state.away = true;
    for (let n = 0; n < 250; n += 1) {
      intake.hear(whisper(n));
      if (n % 50 === 0) await pass(1000);
    }
    state.away = false;
    await pass(2000);
    expect(numbers()).toEqual(Array.from({ length: 100 }, (_, n) => n + 150));
    expect(counts.dropped).toBe(150);
    expect(logged.filter((msg) => msg.includes('dropped'))).toHaveLength(1);
  });

  test('what did not get in when it stops is counted as lost', async () => {
    const { intake, state } = rig();
    state.away = true;
    intake.hear(whisper(1));
    await settle();
    intake.hear(whisper(2));
    expect(intake.stop()).toBe(2);
  });
});

test('what the queue drops is counted, and said once', async () => {
  const { intake, counts, logged, state } = rig();
  state.dropping = 3;
  for (let n = 0; n < 3; n += 1) {
    intake.hear(whisper(n));
    await intake.flush();
  }
  expect(counts.dropped).toBe(9);
  expect(logged).toEqual(['the webhook queue is full: the oldest are dropped']);
});
