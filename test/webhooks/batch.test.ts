// What goes to an endpoint, and when: batches, removals that wait, opposites that cancel, order. No clock but numbers.
import { describe, expect, test } from 'vitest';
import { type WebhookEvent, webhookTypes } from '../../src/protocol/webhook.ts';
import { Batches, type BatchSettings, type Held } from '../../src/webhooks/batch.ts';

let made = 0;
/** What happened at a second of the wall clock. */
function held(event: WebhookEvent, atMs = 0): Held {
  made += 1;
  return { entryId: `${made}`, id: `id-${made}`, event, atMs };
}
const occupied = (channel: string, atMs?: number) => held({ name: 'channel_occupied', channel }, atMs);
const vacated = (channel: string, atMs?: number) => held({ name: 'channel_vacated', channel }, atMs);
const added = (user_id: string, atMs?: number) => held({ name: 'member_added', channel: 'presence-a', user_id }, atMs);
const removed = (user_id: string, atMs?: number) =>
  held({ name: 'member_removed', channel: 'presence-a', user_id }, atMs);
const client = (channel: string, data: string) =>
  held({ name: 'client_event', channel, event: 'client-e', data, socket_id: '1.1' });
const miss = (channel: string, atMs: number) => held({ name: 'cache_miss', channel }, atMs);
const closed = (socket_id: string) => held({ name: 'connection_closed', channel: '', socket_id });

const batches = (settings: Partial<BatchSettings> = {}) =>
  new Batches({ events: [...webhookTypes], batchMs: 50, batchEvents: 100, vacatedDelayMs: 3000, ...settings });
/** Adds what happened now, at the same moment of both clocks. */
const add = (to: Batches, ...all: readonly Held[]) => all.flatMap((one) => to.add(one, one.atMs, one.atMs));

describe('a batch', () => {
  test('goes when its first event has waited for the window, with all that came since, in order', () => {
    const to = batches();
    const [one, two, three] = [client('a', '1'), client('b', '2'), client('a', '3')];
    to.add(one, 100, 0);
    to.add(two, 140, 0);
    to.add(three, 149, 0);
    expect(to.ripeMs()).toBe(150);
    expect(to.take(149)).toBe(undefined);
    expect(to.take(150)).toEqual([one, two, three]);
    expect([to.take(1000), to.ripeMs()]).toEqual([undefined, Number.POSITIVE_INFINITY]);
  });

  test('goes at once when it is full, and the rest when its own time is over', () => {
    const to = batches({ batchEvents: 2 });
    const all = ['1', '2', '3'].map((data) => client(data, data));
    add(to, ...all);
    expect(to.ripeMs()).toBe(Number.NEGATIVE_INFINITY);
    expect(to.take(0)).toEqual(all.slice(0, 2));
    expect(to.take(49)).toBe(undefined);
    expect(to.take(50)).toEqual(all.slice(2));
  });

  test('of one event goes at once', () => {
    const to = batches({ batchEvents: 1 });
    const all = [client('a', '1'), client('b', '2')];
    add(to, ...all);
    expect([to.take(0), to.take(0), to.take(0)]).toEqual([[all[0]], [all[1]], undefined]);
  });

  test('goes before its time when it is asked for', () => {
    const to = batches();
    const one = client('a', '1');
    add(to, one);
    expect(to.take(0, true)).toEqual([one]);
  });

  test('holds no more than web servers take, and never less than one event', () => {
    const to = batches();
    const large = 'x'.repeat(200 * 1024);
    const huge = 'x'.repeat(500 * 1024);
    const all = [client('a', large), client('b', large), client('b', 'small'), client('c', 'small'), client('d', huge)];
    add(to, ...all);
    // A small one does not overtake the large one of its channel.
    expect(to.take(50)).toEqual([all[0], all[3]]);
    expect(to.take(50)).toEqual([all[1], all[2]]);
    expect(to.take(50)).toEqual([all[4]]);
  });

  test('keeps the further events of its channels back until it is done with, and no others', () => {
    const to = batches();
    const first = client('a', '1');
    add(to, first);
    expect(to.take(50)).toEqual([first]);
    const [behind, other] = [client('a', '2'), client('b', '3')];
    add(to, behind, other);
    expect(to.take(50)).toEqual([other]);
    expect(to.ripeMs()).toBe(Number.POSITIVE_INFINITY);
    to.open([first]);
    expect(to.take(50)).toEqual([behind]);
  });

  test('keeps the order of each connection where there is no channel', () => {
    const to = batches();
    const [first, same, other] = [closed('1.1'), closed('1.1'), closed('2.2')];
    add(to, first);
    to.take(50);
    add(to, same, other);
    expect(to.take(50)).toEqual([other]);
  });

  test('follows new settings from then on', () => {
    const to = batches();
    add(to, client('a', '1'), client('b', '2'));
    to.configure({ events: ['client_event'], batchMs: 50, batchEvents: 1, vacatedDelayMs: 0 });
    expect(to.take(0)).toHaveLength(1);
  });
});

describe('REC webhooks §3: a removal', () => {
  test('waits for its delay, is judged, and takes its place then', () => {
    const to = batches();
    const gone = removed('1', 1000);
    expect(add(to, gone)).toEqual([]);
    const whisper = client('presence-a', 'x');
    to.add(whisper, 1000, 1000);
    expect(to.take(1050)).toEqual([whisper]);
    to.open([whisper]);
    expect([to.removalMs(), to.due(3999)]).toEqual([4000, []]);
    expect(to.due(4000)).toEqual([gone]);
    expect(to.judge(gone, true, 4000)).toEqual([]);
    expect(to.take(4050)).toEqual([gone]);
  });

  test.each([
    ['a channel', vacated, occupied],
    ['a member', removed, added],
  ])('of %s and what undoes it within the delay are both not sent', (_, goes, comes) => {
    const to = batches();
    const [gone, back] = [goes('1', 0), comes('1', 2999)];
    expect(add(to, gone, back)).toEqual([gone, back]);
    expect([to.due(9999), to.take(9999)]).toEqual([[], undefined]);
  });

  test('is not undone by another member’s coming', () => {
    const to = batches();
    const [gone, other] = [removed('1', 0), added('2', 10)];
    add(to, gone, other);
    expect(to.take(60)).toEqual([other]);
    expect(to.due(3000)).toEqual([gone]);
  });

  test('and what undid it later are both sent, in order, though they came together', () => {
    const to = batches();
    const [gone, back] = [vacated('a', 0), occupied('a', 3000)];
    for (const one of [gone, back]) to.add(one, 100, 60_000);
    expect(to.take(150)).toEqual([gone, back]);
  });

  test('that is late is due at once, and one of a clock that is ahead waits no longer than the delay', () => {
    const to = batches();
    const [late, ahead] = [vacated('late', 0), vacated('ahead', 100_000)];
    to.add(late, 10, 60_000);
    to.add(ahead, 10, 60_000);
    expect(to.due(10)).toEqual([late]);
    expect(to.due(3010)).toEqual([late, ahead]);
  });

  test('that is not true waits for what must undo it, and both are not sent', () => {
    const to = batches();
    const [gone, back] = [vacated('a', 0), occupied('a', 2900)];
    add(to, gone);
    expect(to.judge(gone, false, 3000)).toEqual([]);
    expect([to.due(3000), to.removalMs()]).toEqual([[], 33_000]);
    expect(to.add(back, 3100, 3100)).toEqual([gone, back]);
    expect(to.removalMs()).toBe(Number.POSITIVE_INFINITY);
  });

  test('that is not true as it was undone long after is sent with that', () => {
    const to = batches();
    const [gone, back] = [vacated('a', 0), occupied('a', 50_000)];
    to.add(gone, 0, 60_000);
    to.judge(gone, false, 0);
    expect(to.add(back, 10, 60_000)).toEqual([]);
    expect(to.take(60)).toEqual([gone, back]);
  });

  test('that was queued behind what undid it is given up', () => {
    const to = batches();
    const [back, gone] = [occupied('a', 0), vacated('a', 0)];
    add(to, back, gone);
    to.judge(gone, false, 3000);
    expect(to.giveUp(32_999)).toEqual([]);
    expect(to.giveUp(33_000)).toEqual([gone]);
    expect(to.take(33_000)).toEqual([back]);
  });

  test('of two in a row one is sent, when both delays are over', () => {
    const to = batches();
    const [first, second] = [vacated('a', 0), vacated('a', 1000)];
    add(to, first, second);
    expect(to.due(3000)).toEqual([]);
    expect(to.due(4000)).toEqual([second]);
    expect(to.judge(second, true, 4000)).toEqual([first]);
    expect(to.take(4050)).toEqual([second]);
  });

  test('of two in a row one is undone by one coming, as facts of two servers may change places', () => {
    const to = batches();
    const [first, second, back] = [vacated('a', 0), vacated('a', 20), occupied('a', 10)];
    expect(add(to, first, second, back)).toEqual([first, back]);
    expect(to.due(3020)).toEqual([second]);
  });

  test.each([
    ['undone', [occupied('a', 1)]],
    ['repeated', [vacated('a', 1)]],
  ])('that was %s while it was judged is not sent for it', (_, meanwhile) => {
    const to = batches();
    const gone = vacated('a', 0);
    add(to, gone, ...meanwhile);
    expect(to.judge(gone, true, 3000)).toEqual([]);
    expect(to.take(9999)).toBe(undefined);
  });

  test('is not undone by what came long before it, however late that is; by what seems to, of a clock that is behind', () => {
    const to = batches();
    const gone = removed('1', 100_000);
    add(to, gone);
    const late = added('1', 94_999);
    expect(to.add(late, 100_100, 100_100)).toEqual([]);
    expect(to.take(100_150)).toEqual([late]);
    const back = added('1', 95_000);
    expect(to.add(back, 100_200, 100_200)).toEqual([gone, back]);
  });

  test.each([
    ['member_added', 'member_removed', added, removed],
    ['channel_occupied', 'channel_vacated', occupied, vacated],
  ] as const)(
    'is neither sent with what undoes it where only %s or only %s is wanted',
    (coming, going, comes, goes) => {
      const onlyComing = batches({ events: [coming] });
      const all = [comes('1', 0), goes('1', 100), comes('1', 200), goes('1', 1000), comes('1', 60_000)];
      for (const one of all.slice(0, 4)) add(onlyComing, one);
      expect(onlyComing.judge(all[3]!, true, 4000)).toEqual([all[3]]);
      add(onlyComing, all[4]!);
      expect(onlyComing.take(60_050)).toEqual([all[0], all[4]]);

      const onlyGoing = batches({ events: [going] });
      expect(all.slice(0, 4).flatMap((one) => add(onlyGoing, one))).toEqual(all.slice(0, 3));
      expect(onlyGoing.judge(all[3]!, true, 4000)).toEqual([]);
      expect(onlyGoing.take(4050)).toEqual([all[3]]);
      expect(onlyGoing.add(all[4]!, 60_000, 60_000)).toEqual([all[4]]);
    },
  );

  test('without a delay is due at once', () => {
    const to = batches({ vacatedDelayMs: 0 });
    const gone = vacated('a', 7);
    add(to, gone);
    expect(to.due(7)).toEqual([gone]);
  });
});

test('REC webhooks §2: cache_miss is sent once in five seconds, whatever several servers say', () => {
  const to = batches();
  const [first, again, other, later] = [
    miss('cache-a', 0),
    miss('cache-a', 4999),
    miss('cache-b', 0),
    miss('cache-a', 5000),
  ];
  expect(add(to, first, again, other, later)).toEqual([again]);
  expect(to.take(9999)).toEqual([first, other, later]);
});

describe('what is tried again after it was given up', () => {
  const again = (one: Held): Held => ({ ...one, endpoint: 'http://a.example/' });

  test('is sent, and does not undo what is true now', () => {
    const to = batches();
    const [gone, coming] = [removed('1', 100_000), again(added('1', 0))];
    expect(add(to, gone)).toEqual([]);
    expect(to.add(coming, 100_100, 100_100)).toEqual([]);
    expect(to.take(100_150)).toEqual([coming]);
    to.open([coming]);
    expect(to.due(103_000)).toEqual([gone]);
  });

  test('is not undone, and does not stand for what is true now', () => {
    const to = batches();
    const [gone, goneThen, backThen] = [removed('1', 100_000), again(removed('1', 0)), again(added('1', 10))];
    for (const one of [gone, goneThen, backThen]) expect(to.add(one, 100_000, 100_000)).toEqual([]);
    expect(to.due(100_000)).toEqual([goneThen]);
    expect(to.judge(goneThen, true, 100_000)).toEqual([]);
    expect(to.take(100_050)).toEqual([backThen, goneThen]);
    expect(to.due(103_000)).toEqual([gone]);
  });

  test('is no repetition of its own: a cache_miss is sent though it was announced', () => {
    const to = batches();
    const first = miss('cache-a', 0);
    add(to, first);
    to.take(50);
    to.open([first]);
    expect(to.add(again(first), 400_000, 400_000)).toEqual([]);
    expect(to.take(400_050)).toEqual([again(first)]);
  });

  test('is sent where the endpoint wants no more of its kind', () => {
    const to = batches({ events: ['member_added'] });
    const one = again(client('a', '1'));
    add(to, one);
    expect(to.take(50)).toEqual([one]);
  });
});
