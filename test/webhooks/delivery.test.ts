// From the queue to endpoints that fail, hang and come back: what is repeated, what waits, what is given up. In fake time.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MemoryWebhookQueue } from '../../src/adapters/memory/webhook-queue.ts';
import type { WebhookEvent } from '../../src/protocol/webhook.ts';
import { fakeTime } from '../core/support/time.ts';
import { pass, Rig, type Sent } from './support/rig.ts';

const A = 'http://a.example/hook';
const B = 'http://b.example/hook';
const DOWN = { status: 500, reason: 'answered 500' };
const DROPPED = 'webhook events of a removed endpoint were dropped';
const OK = { status: 200 };

beforeEach(() => {
  fakeTime();
  // The longest pauses there can be.
  vi.spyOn(Math, 'random').mockReturnValue(1);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Of one channel each, in order of arrival: the numbers of client events. */
function numbers(sent: readonly Sent[], channel: string): number[] {
  return sent.flatMap(({ events }) =>
    events.filter((event) => event.channel === channel).map(({ data }) => Number(data)),
  );
}

describe('an endpoint that is down for three minutes', () => {
  test('gets every event, in order per channel, repeated as the same bytes with the same ids', async () => {
    const rig = new Rig();
    rig.app('app', { url: A });
    rig.deliverer.activate();
    rig.answer = () => DOWN;
    const ids: string[] = [];
    for (let second = 0; second < 180; second += 3) {
      ids.push(...(await rig.clientEvents('app', `private-${second % 4}`, 5)));
      await pass(3000, 500);
    }
    const failed = rig.sent.length;
    rig.answer = () => OK;
    await pass(62_000, 500);
    const taken = rig.sent.slice(failed);
    expect(rig.idsAt(A, taken).toSorted()).toEqual(ids.toSorted());
    for (const channel of ['private-0', 'private-1', 'private-2', 'private-3']) {
      expect(numbers(taken, channel)).toEqual(Array.from({ length: 15 }, () => [0, 1, 2, 3, 4]).flat());
    }
    const timeOf = new Map(taken.map(({ text, timeMs }) => [text, timeMs]));
    for (const { text } of rig.sent.slice(0, failed)) expect(timeOf.has(text)).toBe(true);
    expect(await rig.waiting('app')).toBe(0);
    expect(rig.messages()).toEqual([
      'a webhook endpoint does not take events',
      'a webhook endpoint takes events again',
    ]);
    await rig.end();
  });
});

describe('a batch that fails', () => {
  test('is repeated after pauses that grow up to a minute, and dead-lettered when its time is over', async () => {
    const rig = new Rig();
    rig.app('app', { url: A });
    rig.deliverer.activate();
    rig.answer = () => DOWN;
    const [first] = await rig.clientEvents('app', 'private-a', 1);
    await pass(1000);
    const [second] = await rig.clientEvents('app', 'private-a', 1);
    await pass(320_000, 200);
    const attempts = rig.sent.filter(({ events }) => events[0]?.id === first);
    const pauses = attempts.slice(1).map(({ atMs }, index) => Math.round((atMs - (attempts[index]?.atMs ?? 0)) / 1000));
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60, 48]);
    const letters = await rig.queue.deadLetters('app', 10);
    expect(letters).toMatchObject([
      { id: first, endpoint: A, reason: 'answered 500', attempts: 11, event: { channel: 'private-a', data: '0' } },
    ]);
    // What waited behind it has its own time.
    expect(rig.sent.at(-1)?.events[0]?.id).toBe(second);
    expect((rig.sent.at(-1)?.timeMs ?? 0) - (attempts[0]?.timeMs ?? 0)).toBeGreaterThan(290_000);
    expect(rig.counts).toMatchObject({ dead: 1, sent: 0 });
    await rig.end();
  });

  test('keeps the events of its channels back, and no others', async () => {
    const rig = new Rig();
    rig.app('app', { url: A });
    rig.deliverer.activate();
    rig.answer = ({ events }) => (events.some(({ data }) => data === 'bad') ? DOWN : OK);
    const event = (channel: string, data: string) => ({ name: 'client_event', channel, data }) as WebhookEvent;
    await rig.add('app', event('private-a', 'bad'));
    await pass(200);
    await rig.add('app', event('private-a', 'behind'), event('private-b', 'free'));
    await pass(200);
    expect(rig.sent.at(-1)?.events.map(({ data }) => data)).toEqual(['free']);
    expect(rig.sent.flatMap(({ events }) => events).some(({ data }) => data === 'behind')).toBe(false);
    rig.answer = () => OK;
    await pass(5000);
    const last = rig.sent.flatMap(({ events }) => events.map(({ data }) => data)).slice(-2);
    expect(last).toEqual(['bad', 'behind']);
    expect(rig.messages()).toEqual([
      'a webhook endpoint does not take events',
      'a webhook endpoint takes events again',
    ]);
    await rig.end();
  });

  test('is given up at once where nothing is to be repeated', async () => {
    const rig = new Rig();
    rig.app('app', { url: A, retrySeconds: 0 });
    rig.deliverer.activate();
    rig.answer = () => DOWN;
    await rig.clientEvents('app', 'private-a', 1);
    await pass(200);
    expect(await rig.queue.sizes('app')).toEqual({ waiting: 0, dead: 1 });
    await rig.end();
  });

  test('is signed by the app’s pair of the moment', async () => {
    const rig = new Rig();
    rig.app('app', { url: A });
    rig.deliverer.activate();
    rig.answer = () => DOWN;
    await rig.clientEvents('app', 'private-a', 1);
    await pass(200);
    const app = rig.apps.get('app')!;
    rig.apps.set('app', { ...app, key: 'new-key' });
    rig.answer = () => OK;
    await pass(5000);
    expect([rig.sent[0]?.key, rig.sent.at(-1)?.key]).toEqual(['app-key', 'new-key']);
    expect(rig.sent.at(-1)?.text).toBe(rig.sent[0]?.text);
    await rig.end();
  });
});

describe('an endpoint that fails again and again', () => {
  test('is only probed, one request at a time, and gets everything once it answers', async () => {
    const rig = new Rig();
    rig.app('app', { url: A, batchEvents: 1 });
    rig.deliverer.activate();
    let open = 0;
    let most = 0;
    let status = 500;
    rig.answer = async () => {
      open += 1;
      most = Math.max(most, open);
      await new Promise((resolve) => setTimeout(resolve, 20));
      open -= 1;
      return status === 200 ? OK : DOWN;
    };
    for (let n = 0; n < 20; n += 1) await rig.clientEvents('app', `private-${n}`, 1);
    await pass(10_000);
    expect(most).toBe(4);
    most = 0;
    const begun = new Set(rig.idsAt(A)).size;
    await pass(60_000);
    expect(most).toBe(1);
    // Nothing new is begun meanwhile: its time would run in vain.
    expect(new Set(rig.idsAt(A)).size).toBe(begun);
    expect(begun).toBeLessThan(10);
    status = 200;
    await pass(62_000);
    expect(new Set(rig.idsAt(A)).size).toBe(20);
    expect(await rig.waiting('app')).toBe(0);
    expect(most).toBe(4);
    await rig.end();
  });
});

describe('an endpoint that hangs', () => {
  test('delays neither another endpoint of its app nor another app, however much comes', async () => {
    const rig = new Rig({ heldPerEndpoint: 100, readCount: 50 });
    rig.app('app', { url: A }, { url: B });
    rig.app('other', { url: B });
    rig.deliverer.activate();
    let release = () => {};
    const hanging = new Promise<void>((resolve) => {
      release = resolve;
    });
    rig.answer = async ({ url }) => {
      if (url === A) await hanging;
      return OK;
    };
    const ids: string[] = [];
    for (let round = 0; round < 10; round += 1) {
      ids.push(...(await rig.clientEvents('app', `private-${round}`, 50)));
      await pass(200);
    }
    const others = await rig.clientEvents('other', 'private-x', 3);
    await pass(200);
    expect(rig.idsAt(B)).toEqual([...ids, ...others]);
    // Nothing is removed before all have it.
    expect(await rig.waiting('app')).toBe(500);
    const before = rig.idsAt(A).length;
    expect(before).toBeLessThanOrEqual(200);
    release();
    await pass(2000);
    expect(rig.idsAt(A)).toEqual(ids);
    expect(rig.idsAt(B)).toHaveLength(503);
    expect(await rig.waiting('app')).toBe(0);
    await rig.end();
  });
});

describe('what an endpoint did not take', () => {
  /** One app of three has an endpoint that hangs, and is behind. */
  async function behind() {
    const rig = new Rig({ heldPerEndpoint: 100, readCount: 50 });
    rig.app('app', { url: A }, { url: B });
    for (const id of ['second', 'third']) rig.app(id, { url: B });
    rig.deliverer.activate();
    let release = () => {};
    const hanging = new Promise<void>((resolve) => {
      release = resolve;
    });
    rig.answer = async ({ url }) => {
      if (url === A) await hanging;
      return OK;
    };
    const ids: string[] = [];
    for (const channel of ['private-a', 'private-b', 'private-c', 'private-d']) {
      ids.push(...(await rig.clientEvents('app', channel, 50)));
      for (const id of ['second', 'third']) await rig.clientEvents(id, channel, 50);
      await pass(200);
    }
    return { rig, ids, release, read: vi.spyOn(rig.queue, 'read'), reread: vi.spyOn(rig.queue, 'reread') };
  }

  test('is asked of the queue for that app only, while there is room, and once nobody is behind no more', async () => {
    const { rig, ids, release, read, reread } = await behind();
    await pass(1000);
    expect(reread).not.toHaveBeenCalled();
    release();
    await pass(2000);
    expect(rig.idsAt(A)).toEqual(ids);
    // 100 that were left out, 50 at a time, and the answer that there are no more.
    expect(reread.mock.calls.map(([appId, count]) => [appId, count])).toEqual([
      ['app', 50],
      ['app', 50],
      ['app', 50],
    ]);
    read.mockClear();
    reread.mockClear();
    await pass(1000);
    expect(new Set(read.mock.calls.map(([which]) => which))).toEqual(new Set(['fresh']));
    expect(reread).not.toHaveBeenCalled();
    await rig.end();
  });

  test('is not taken for gone where the queue gives less than there is', async () => {
    const { rig, ids, release, reread } = await behind();
    reread.mockResolvedValueOnce({ entries: [], full: true });
    release();
    await pass(2000);
    expect(rig.idsAt(A)).toEqual(ids);
    await rig.end();
  });
});

test('what an endpoint that hangs did not take, and the queue dropped, is waited for by nobody', async () => {
  const queue = new MemoryWebhookQueue({ queuedEvents: 150 });
  const rig = new Rig({ heldPerEndpoint: 100, readCount: 50 }, queue);
  rig.app('app', { url: A }, { url: B });
  rig.deliverer.activate();
  let release = () => {};
  const hanging = new Promise<void>((resolve) => {
    release = resolve;
  });
  rig.answer = async ({ url }) => {
    if (url === A) await hanging;
    return OK;
  };
  const ids: string[] = [];
  for (let round = 0; round < 10; round += 1) {
    ids.push(...(await rig.clientEvents('app', `private-${round}`, 50)));
    await pass(200);
  }
  expect(rig.idsAt(B)).toEqual(ids);
  release();
  await pass(2000);
  expect(rig.idsAt(A)).toEqual([...ids.slice(0, 100), ...ids.slice(-150)]);
  expect(await rig.waiting('app')).toBe(0);
  await rig.end();
});

describe('apps that change', () => {
  test('an endpoint that is removed gets no more, and nothing waits for it', async () => {
    const rig = new Rig({ heldPerEndpoint: 10 });
    rig.app('app', { url: A }, { url: B });
    rig.deliverer.activate();
    rig.answer = ({ url }) => (url === A ? DOWN : OK);
    await rig.clientEvents('app', 'private-a', 50);
    await pass(500);
    expect(await rig.waiting('app')).toBe(50);
    rig.app('app', { url: B });
    await rig.clientEvents('app', 'private-b', 1);
    await pass(200);
    const toA = rig.idsAt(A).length;
    await pass(60_000);
    expect(rig.idsAt(A)).toHaveLength(toA);
    expect(await rig.waiting('app')).toBe(0);
    expect(rig.idsAt(B)).toHaveLength(51);
    // What it had, and what it had no room for.
    expect(rig.logged).toContainEqual(expect.objectContaining({ appId: 'app', events: 50, msg: DROPPED }));
    await rig.end();
  });

  test('what an app has on its way when it is removed is no dead letter of the next one with its id', async () => {
    const rig = new Rig();
    rig.app('app', { url: A, retrySeconds: 0 });
    rig.deliverer.activate();
    rig.answer = async () => {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return DOWN;
    };
    await rig.clientEvents('app', 'private-a', 1);
    await pass(500);
    expect(rig.sent).toHaveLength(1);
    rig.apps.delete('app');
    await pass(2000);
    expect(await rig.queue.sizes('app')).toEqual({ waiting: 0, dead: 0 });
    await rig.end();
  });

  test('what nobody wants any more is removed: of an app that is gone, or with other filters', async () => {
    const rig = new Rig();
    rig.app('app', { url: A, channelStartsWith: 'private-x' });
    rig.deliverer.activate();
    await rig.clientEvents('app', 'private-a', 5);
    await rig.clientEvents('gone', 'private-a', 5);
    await pass(3100);
    expect(rig.sent).toEqual([]);
    expect([await rig.waiting('app'), await rig.waiting('gone')]).toEqual([0, 0]);
    const said = rig.logged.filter(({ msg }) => msg === DROPPED);
    expect(said).toMatchObject([
      { appId: 'app', events: 5 },
      { appId: 'gone', events: 5 },
    ]);
    await rig.end();
  });

  test('while they cannot be looked up they are what they were', async () => {
    const rig = new Rig();
    rig.app('app', { url: A });
    rig.deliverer.activate();
    await rig.clientEvents('app', 'private-a', 1);
    await pass(200);
    rig.storeFails = true;
    await rig.clientEvents('app', 'private-a', 1);
    await pass(200);
    expect(rig.idsAt(A)).toHaveLength(2);
    await rig.end();
  });

  test('while their records are refused they are what they were, and their queues stay', async () => {
    const rig = new Rig();
    rig.app('app', { url: A });
    rig.deliverer.activate();
    rig.answer = () => DOWN;
    const [first] = await rig.clientEvents('app', 'private-a', 1);
    await pass(200);
    rig.refused.add('app');
    const [second] = await rig.clientEvents('app', 'private-b', 1);
    await pass(20_000);
    expect(await rig.waiting('app')).toBe(2);
    rig.answer = () => OK;
    const before = rig.sent.length;
    await pass(60_000);
    expect(rig.idsAt(A, rig.sent.slice(before)).toSorted()).toEqual([first, second]);
    await rig.end();
  });

  test('entries of an app that was never known, as its record is refused, wait for it; those of others do not', async () => {
    const rig = new Rig({ readCount: 5 });
    rig.app('app', { url: A });
    rig.app('other', { url: B });
    rig.refused.add('app');
    const [first] = await rig.clientEvents('app', 'private-a', 1);
    await rig.queue.read('fresh', 10);
    rig.deliverer.activate();
    const more = await rig.clientEvents('app', 'private-a', 13);
    await pass(60_000, 500);
    const others = await rig.clientEvents('other', 'private-b', 6);
    await pass(500);
    expect([rig.idsAt(B), rig.idsAt(A), await rig.waiting('app')]).toEqual([others, [], 14]);
    rig.refused.delete('app');
    const last = await rig.clientEvents('app', 'private-a', 1);
    await pass(1000);
    expect(rig.idsAt(A)).toEqual([first, ...more, ...last]);
    expect(await rig.waiting('app')).toBe(0);
    await rig.end();
  });

  test('an app that another node knew first gets what was queued before this one hears of it', async () => {
    const rig = new Rig();
    rig.deliverer.activate();
    await pass(100);
    const ids = await rig.clientEvents('app', 'private-a', 3);
    await pass(1900);
    rig.app('app', { url: A });
    ids.push(...(await rig.clientEvents('app', 'private-a', 3)));
    await pass(500);
    expect(rig.idsAt(A)).toEqual(ids);
    expect(await rig.waiting('app')).toBe(0);
    await rig.end();
  });

  test('so does an endpoint beside others, which wait for it', async () => {
    const rig = new Rig();
    rig.app('app', { url: B });
    rig.deliverer.activate();
    await pass(100);
    const event = (data: string): WebhookEvent => ({ name: 'client_event', channel: 'private-a', data });
    const ids = await rig.addFor('app', [A, B], event('1'), event('2'));
    await pass(1000);
    ids.push(...(await rig.addFor('app', [B], event('3'))));
    await pass(900);
    expect(rig.sent).toEqual([]);
    rig.app('app', { url: A }, { url: B });
    await pass(500);
    expect([rig.idsAt(A), rig.idsAt(B)]).toEqual([ids, ids]);
    await rig.end();
  });

  test('an endpoint that is gone is not waited for longer than any node takes to hear of one', async () => {
    const rig = new Rig();
    rig.app('app', { url: B });
    rig.deliverer.activate();
    await pass(100);
    const ids = await rig.addFor('app', [A, B], { name: 'client_event', channel: 'private-a' });
    await pass(2900);
    expect(rig.sent).toEqual([]);
    await pass(400);
    expect(rig.idsAt(B)).toEqual(ids);
    expect(await rig.waiting('app')).toBe(0);
    await rig.end();
  });

  test('nor is it where the clock of who queued is far ahead, or behind', async () => {
    const rig = new Rig();
    rig.app('app', { url: B });
    rig.deliverer.activate();
    await pass(100);
    const event: WebhookEvent = { name: 'client_event', channel: 'private-a' };
    const of = (id: string, skewMs: number) => ({ id, event, atMs: Date.now() + skewMs, wantedBy: [A, B] });
    await rig.queue.add('app', [of('ahead', 60_000), of('behind', -60_000)]);
    await pass(200);
    expect(rig.idsAt(B)).toEqual(['ahead', 'behind']);
    await rig.end();
  });

  test('an endpoint that is behind misses nothing of what was not clear meanwhile', async () => {
    const rig = new Rig({ heldPerEndpoint: 10, readCount: 5 });
    rig.app('app', { url: A });
    rig.deliverer.activate();
    let release = () => {};
    const hanging = new Promise<void>((resolve) => {
      release = resolve;
    });
    rig.answer = async () => {
      await hanging;
      return OK;
    };
    const ids = await rig.clientEvents('app', 'private-a', 30);
    await pass(500);
    const event: WebhookEvent = { name: 'client_event', channel: 'private-a', data: 'unclear' };
    ids.push(...(await rig.addFor('app', [A, B], event)), ...(await rig.clientEvents('app', 'private-a', 400)));
    await pass(500);
    release();
    await pass(20_000);
    expect(rig.idsAt(A)).toEqual(ids);
    expect(await rig.waiting('app')).toBe(0);
    await rig.end();
  });

  test('a dead letter that is revived for an endpoint that is gone is a dead letter again, with its id', async () => {
    const rig = new Rig();
    rig.app('app', { url: A, retrySeconds: 0 });
    rig.deliverer.activate();
    rig.answer = () => DOWN;
    const [id] = await rig.clientEvents('app', 'private-a', 1);
    await pass(200);
    rig.app('app', { url: B });
    rig.answer = () => OK;
    expect(await rig.queue.revive('app', undefined)).toBe(1);
    await pass(200);
    expect([rig.idsAt(B), await rig.queue.sizes('app')]).toEqual([[], { waiting: 0, dead: 1 }]);
    const letter = { id, endpoint: A, attempts: 0, reason: 'the app has no such endpoint' };
    expect(await rig.queue.deadLetters('app', 1)).toMatchObject([letter]);
    // It goes where there is no app that it could be sent for.
    rig.apps.delete('app');
    await rig.queue.revive('app', undefined);
    await pass(200);
    expect(await rig.queue.sizes('app')).toEqual({ waiting: 0, dead: 0 });
    await rig.end();
  });

  test('a dead letter that is revived goes to its endpoint alone, with its id', async () => {
    const rig = new Rig();
    rig.app('app', { url: A, retrySeconds: 0 }, { url: B });
    rig.deliverer.activate();
    rig.answer = ({ url }) => (url === A ? DOWN : OK);
    const ids = await rig.clientEvents('app', 'private-a', 2);
    await pass(200);
    rig.answer = () => OK;
    expect(await rig.queue.revive('app', undefined)).toBe(2);
    await pass(200);
    expect(rig.idsAt(A)).toEqual([...ids, ...ids]);
    expect(rig.idsAt(B)).toEqual(ids);
    expect(await rig.queue.sizes('app')).toEqual({ waiting: 0, dead: 0 });
    await rig.end();
  });
});

describe('REC webhooks §3: removals', () => {
  test('go when their delay is over and they are true, wait while that cannot be found out, and else do not go', async () => {
    const rig = new Rig();
    rig.app('app', { url: A });
    rig.deliverer.activate();
    rig.truthFails = true;
    rig.present.add('back');
    const [true_] = await rig.add('app', { name: 'channel_vacated', channel: 'gone' });
    await rig.add('app', { name: 'channel_vacated', channel: 'back' });
    await pass(5000);
    expect(rig.sent).toEqual([]);
    rig.truthFails = false;
    await pass(2000);
    expect(rig.idsAt(A)).toEqual([true_]);
    await pass(31_000, 1000);
    expect(await rig.waiting('app')).toBe(0);
    expect(rig.idsAt(A)).toEqual([true_]);
    await rig.end();
  });

  test('that are undone within the delay are removed from the queue with what undid them', async () => {
    const rig = new Rig();
    rig.app('app', { url: A });
    rig.deliverer.activate();
    await rig.add('app', { name: 'member_removed', channel: 'presence-a', user_id: '1' });
    await pass(2900);
    await rig.add('app', { name: 'member_added', channel: 'presence-a', user_id: '1' });
    await pass(5000);
    expect([rig.sent, await rig.waiting('app')]).toEqual([[], 0]);
    await rig.end();
  });
});

test('an endpoint that wants only who comes is told of nobody who was away for a moment', async () => {
  const rig = new Rig();
  rig.app('app', { url: A, events: ['member_added'] });
  rig.deliverer.activate();
  const event = (name: 'member_added' | 'member_removed') => ({ name, channel: 'presence-a', user_id: '7' });
  const [first] = await rig.add('app', event('member_added'));
  for (let flap = 0; flap < 3; flap += 1) {
    await rig.add('app', event('member_removed'));
    await pass(1000);
    await rig.add('app', event('member_added'));
    await pass(1000);
  }
  await rig.add('app', event('member_removed'));
  await pass(5000);
  const [last] = await rig.add('app', event('member_added'));
  await pass(500);
  expect(rig.idsAt(A)).toEqual([first, last]);
  expect(await rig.waiting('app')).toBe(0);
  await rig.end();
});

describe('deliveries', () => {
  test('are recorded, each with its endpoint, events, ids, status, attempt and reason', async () => {
    const rig = new Rig();
    rig.app('app', { url: A });
    rig.deliverer.activate();
    rig.answer = () => DOWN;
    const ids = await rig.clientEvents('app', 'private-a', 30);
    await pass(200);
    rig.answer = () => OK;
    await pass(3000);
    const recorded = await rig.queue.deliveries('app');
    const common = { endpoint: A, events: 30, ids: ids.slice(0, 20), durationMs: expect.any(Number) };
    expect(recorded.at(-1)).toMatchObject({ ...common, status: 500, reason: 'answered 500', attempt: 1 });
    expect(recorded[0]).toMatchObject({ ...common, status: 200, attempt: recorded.length });
    expect(recorded[0]?.reason).toBe(undefined);
    await rig.end();
  });
});
