// What every webhook queue does: keeps events in order until they are removed, whoever delivers, and one node does.
import { describe, expect, test, vi } from 'vitest';
import type { QueueLimits } from '../../../src/adapters/queue-limits.ts';
import type { DeadLetter, Delivery, Entry, QueuedEvent, WebhookQueue } from '../../../src/core/webhook-queue.ts';
import { awkwardTexts, Deliveries, type MakeCluster } from './cluster.ts';

const APP = 'app';
/** Longer than any test. */
const LONG_MS = 60_000;
const ENDPOINT = 'https://example.com/hook';

function queued(id: string, text = 'x'): QueuedEvent {
  const event = {
    name: 'client_event',
    channel: text,
    event: text,
    data: text,
    socket_id: '1.2',
    user_id: text,
  } as const;
  return { id, event, atMs: 1_700_000_000_123 };
}

const some = (first: number, count: number) => Array.from({ length: count }, (_, index) => queued(`e${first + index}`));

function letter(id: string, endpoint = ENDPOINT): Omit<DeadLetter, 'letterId'> {
  return { ...queued(id), endpoint, reason: 'HTTP 500', attempts: 12, diedAtMs: 1_700_000_300_123 };
}

function delivery(attempt: number): Delivery {
  const times = { startedAtMs: 1_700_000_000_123, durationMs: 12.5, attempt };
  return { endpoint: ENDPOINT, events: 2, ids: ['a', 'b'], status: 500, reason: 'HTTP 500', ...times };
}

const idsOf = (events: readonly { readonly id: string }[]) => events.map(({ id }) => id);

/** Asks again until there are so many: one node's news may come to another a moment later. */
async function readFresh(queue: WebhookQueue, total: number, count = total): Promise<Entry[]> {
  const entries: Entry[] = [];
  while (entries.length < total) entries.push(...(await queue.read('fresh', count)));
  return entries;
}

/** Page by page. */
async function readLeft(queue: WebhookQueue, count = 100): Promise<Entry[]> {
  const entries: Entry[] = [];
  const after = new Map<string, string>();
  for (;;) {
    const page = await queue.read('left', count, after);
    if (page.length === 0) return entries;
    for (const { appId, entryId } of page) after.set(appId, entryId);
    entries.push(...page);
  }
}

async function readLetters(queue: WebhookQueue, count = 100): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for (;;) {
    const page = await queue.deadLetters(APP, count, letters.at(-1)?.letterId);
    if (page.length === 0) return letters;
    letters.push(...page);
  }
}

/** Runs with the queues of two nodes of one cluster, of which the first delivers. */
function runner(make: MakeCluster) {
  return async (
    body: (queue: WebhookQueue, other: WebhookQueue) => Promise<void>,
    limits?: Partial<QueueLimits>,
  ): Promise<void> => {
    await using cluster = await make(new Deliveries().deliver, limits);
    const { node, other } = cluster;
    expect(await node.webhookQueue.claim(LONG_MS)).toBe(true);
    await body(node.webhookQueue, other.webhookQueue);
  };
}

async function handOver(from: WebhookQueue, to: WebhookQueue): Promise<void> {
  await from.release();
  expect(await to.claim(LONG_MS)).toBe(true);
}

type Run = ReturnType<typeof runner>;

export function webhookQueueContract(name: string, make: MakeCluster): void {
  const run = runner(make);
  describe(`${name}: webhook queue`, () => {
    testAdding(run);
    testReading(run);
    testRemoving(run);
    testBounds(run);
    testLetters(run);
    testForgetting(run);
    testRevival(run);
    testRecords(run);
  });
}

function testAdding(run: Run): void {
  test('gives what was added once, in order and as it was', () =>
    run(async (queue) => {
      const events = [
        queued('a'),
        { ...queued('b'), endpoint: ENDPOINT },
        { ...queued('c'), wantedBy: [ENDPOINT, ''] },
      ];
      expect(await queue.add(APP, events)).toBe(0);
      const entries = await readFresh(queue, 3);
      expect(entries).toEqual(events.map((event) => ({ ...event, appId: APP, entryId: expect.any(String) })));
      expect(new Set(entries.map(({ entryId }) => entryId)).size).toBe(3);
      expect(await queue.read('fresh', 100)).toEqual([]);
    }));

  test('keeps the order of calls that do not wait for each other', () =>
    run(async (queue) => {
      await Promise.all(some(0, 60).map((event) => queue.add(APP, [event])));
      expect(idsOf(await readFresh(queue, 60))).toEqual(idsOf(some(0, 60)));
    }));

  test('keeps the order of each of several nodes that add at once', () =>
    run(async (queue, other) => {
      const adding = [queue, other].flatMap((adder, index) =>
        Array.from({ length: 40 }, (_, at) => adder.add(APP, some(index * 1000 + at * 3, 3))),
      );
      await Promise.all(adding);
      const numbers = idsOf(await readFresh(queue, 240)).map((id) => Number(id.slice(1)));
      const [first, second] = [numbers.filter((n) => n < 1000), numbers.filter((n) => n >= 1000)];
      expect(first).toEqual(Array.from({ length: 120 }, (_, index) => index));
      expect(second).toEqual(Array.from({ length: 120 }, (_, index) => 1000 + index));
    }));

  test('takes nothing, and ten thousand events in one call', () =>
    run(async (queue) => {
      expect(await queue.add(APP, [])).toBe(0);
      expect(await queue.read('fresh', 10)).toEqual([]);
      expect(await queue.add(APP, some(0, 10_000))).toBe(0);
      expect(await queue.sizes(APP)).toEqual({ waiting: 10_000, dead: 0 });
      expect(idsOf(await readFresh(queue, 10_000, 3000))).toEqual(idsOf(some(0, 10_000)));
    }));

  test.each(awkwardTexts)('returns apps and texts as they are: %j', (text) =>
    run(async (queue) => {
      await queue.add(text, [{ ...queued(text, text), endpoint: text }]);
      const [entry] = await readFresh(queue, 1);
      expect(entry).toEqual({ ...queued(text, text), endpoint: text, appId: text, entryId: expect.any(String) });
      await queue.bury(text, [{ ...letter(text, text), reason: text, event: queued('', text).event }]);
      const [dead] = await queue.deadLetters(text, 10);
      expect(dead).toMatchObject({ id: text, endpoint: text, reason: text, event: queued('', text).event });
      expect(await queue.revive(text, undefined)).toBe(1);
      expect(await readFresh(queue, 1)).toMatchObject([{ ...queued(text, text), endpoint: text, appId: text }]);
      await queue.record(text, [{ ...delivery(1), ids: [text], reason: text }]);
      expect(await queue.deliveries(text)).toEqual([{ ...delivery(1), ids: [text], reason: text }]);
    }),
  );
}

function testReading(run: Run): void {
  test('gives at most so many of each app, of all apps, and the rest when it is asked again', () =>
    run(async (queue) => {
      for (const appId of ['one', 'two', 'three']) await queue.add(appId, some(0, appId.length));
      const pages = [await queue.read('fresh', 2), await queue.read('fresh', 2), await queue.read('fresh', 2)];
      const of = (appId: string) => pages.map((page) => idsOf(page.filter((entry) => entry.appId === appId)));
      expect(of('one')).toEqual([['e0', 'e1'], ['e2'], []]);
      expect(of('two')).toEqual([['e0', 'e1'], ['e2'], []]);
      expect(of('three')).toEqual([['e0', 'e1'], ['e2', 'e3'], ['e4']]);
      expect(await queue.read('fresh', 2)).toEqual([]);
    }));

  test('has nothing left where nothing was given', () =>
    run(async (queue) => {
      await queue.add(APP, some(0, 3));
      expect(await queue.read('left', 10)).toEqual([]);
    }));

  test('has what was given and not removed left for the node that delivers next, which is given the rest fresh', () =>
    run(async (queue, other) => {
      await queue.add(APP, some(0, 7));
      await queue.add('other', some(0, 2));
      const given = await readFresh(queue, 6, 4);
      const ofApp = given.filter(({ appId }) => appId === APP);
      await queue.remove(
        APP,
        ofApp.slice(1, 2).map(({ entryId }) => entryId),
      );
      await handOver(queue, other);
      const left = await readLeft(other, 2);
      expect(idsOf(left.filter(({ appId }) => appId === APP))).toEqual(['e0', 'e2', 'e3']);
      expect(idsOf(left.filter(({ appId }) => appId === 'other'))).toEqual(['e0', 'e1']);
      expect(left.map(({ entryId }) => entryId)).toEqual(
        expect.arrayContaining(given.flatMap(({ entryId, id }) => (id === 'e1' ? [] : [entryId]))),
      );
      expect(idsOf(await readFresh(other, 3))).toEqual(['e4', 'e5', 'e6']);
      expect(await other.read('fresh', 10)).toEqual([]);
      expect(await readLeft(other, 2)).toHaveLength(8);
    }));

  test('goes on after the entry that is named, also when it is removed by then', () =>
    run(async (queue) => {
      await queue.add(APP, some(0, 5));
      const entryIds = (await readFresh(queue, 5)).map(({ entryId }) => entryId);
      await queue.remove(APP, entryIds.slice(1, 3));
      const after = new Map([[APP, entryIds[1] as string]]);
      expect(idsOf(await queue.read('left', 10, after))).toEqual(['e3', 'e4']);
      expect(await queue.read('left', 10, new Map([[APP, entryIds[4] as string]]))).toEqual([]);
    }));

  test('gives what was given of one app again, page by page, and nothing of others', () =>
    run(async (queue) => {
      await queue.add(APP, some(0, 5));
      await queue.add('other', some(5, 3));
      const given = (await readFresh(queue, 8)).filter(({ appId }) => appId === APP);
      await queue.add(APP, some(8, 1));
      await queue.remove(APP, [given[1]?.entryId as string]);
      const first = await queue.reread(APP, 2, undefined);
      expect(first).toEqual({ entries: [given[0], given[2]], full: true });
      expect(await queue.reread(APP, 2, first.entries[1]?.entryId)).toEqual({ entries: given.slice(3), full: true });
      expect(await queue.reread(APP, 2, given[3]?.entryId)).toEqual({ entries: given.slice(4), full: false });
      expect(await queue.reread('stranger', 2, undefined)).toEqual({ entries: [], full: false });
      expect(idsOf(await readFresh(queue, 1))).toEqual(['e8']);
    }));

  test('gives what comes later to the node that delivers, whoever adds it', () =>
    run(async (queue, other) => {
      for (let at = 0; at < 20; at += 1) {
        await (at % 2 === 0 ? queue : other).add(APP, some(at, 1));
        expect(idsOf(await readFresh(queue, 1))).toEqual([`e${at}`]);
      }
    }));
}

function testRemoving(run: Run): void {
  test('forgets what is removed, and ignores what it does not know', () =>
    run(async (queue) => {
      await queue.add(APP, some(0, 3));
      const [first, ...others] = await readFresh(queue, 3);
      await queue.remove(APP, [first?.entryId as string]);
      await queue.remove(APP, [first?.entryId as string, '', 'none', '9-9', '-1', '99999999999999999999-0', '77']);
      await queue.remove('stranger', ['1', '1-1']);
      await queue.remove(APP, []);
      expect(idsOf(await readLeft(queue))).toEqual(['e1', 'e2']);
      expect(await queue.sizes(APP)).toEqual({ waiting: 2, dead: 0 });
      await queue.remove(
        APP,
        others.map(({ entryId }) => entryId),
      );
      expect(await readLeft(queue)).toEqual([]);
      expect(await queue.sizes(APP)).toEqual({ waiting: 0, dead: 0 });
    }));

  test('forgets thousands at once', () =>
    run(async (queue) => {
      await queue.add(APP, some(0, 2500));
      const entries = await readFresh(queue, 2500);
      await queue.remove(
        APP,
        entries.slice(0, -1).map(({ entryId }) => entryId),
      );
      expect(idsOf(await readLeft(queue))).toEqual(['e2499']);
    }));
}

function testBounds(run: Run): void {
  test('drops the oldest above its limit, and says how many', () =>
    run(
      async (queue) => {
        expect(await queue.add(APP, some(0, 3))).toBe(0);
        expect(await queue.add('other', some(0, 1))).toBe(0);
        expect(await queue.add(APP, some(3, 2))).toBe(2);
        expect(await queue.add(APP, some(5, 7))).toBe(7);
        expect(await queue.sizes(APP)).toEqual({ waiting: 3, dead: 0 });
        const entries = await readFresh(queue, 4);
        expect(idsOf(entries.filter(({ appId }) => appId === APP))).toEqual(['e9', 'e10', 'e11']);
        expect(idsOf(entries.filter(({ appId }) => appId === 'other'))).toEqual(['e0']);
      },
      { queuedEvents: 3 },
    ));

  test('drops the oldest above so many bytes, of what waits only', () =>
    run(
      async (queue) => {
        const large = (first: number, count: number) =>
          some(first, count).map((one) => ({ ...one, event: { ...one.event, data: 'x'.repeat(100_000) } }));
        expect(await queue.add(APP, large(0, 3))).toBe(0);
        expect(await queue.add('other', large(0, 3))).toBe(0);
        for (const { appId, entryId } of await readFresh(queue, 6)) await queue.remove(appId, [entryId, entryId]);
        expect(await queue.add(APP, large(3, 3))).toBe(0);
        expect(await queue.add(APP, [...large(6, 2), ...some(8, 5)])).toBe(2);
        expect(await queue.sizes(APP)).toEqual({ waiting: 8, dead: 0 });
        expect(idsOf(await readFresh(queue, 8))).toEqual(idsOf(some(5, 8)));
        expect(await queue.add(APP, large(13, 1))).toBe(1);
        expect(idsOf(await readLeft(queue))).toEqual(idsOf(some(6, 7)));
      },
      { queuedBytes: 310_000 },
    ));

  test('drops what was given before what was not, and has none of it left', () =>
    run(
      async (queue, other) => {
        await queue.add(APP, some(0, 3));
        const given = await readFresh(queue, 3);
        await queue.remove(
          APP,
          given.slice(1, 2).map(({ entryId }) => entryId),
        );
        expect(await queue.add(APP, some(3, 2))).toBe(1);
        await handOver(queue, other);
        expect(idsOf(await readLeft(other))).toEqual(['e2']);
        expect(idsOf(await readFresh(other, 2))).toEqual(['e3', 'e4']);
        expect(await other.add(APP, some(5, 3))).toBe(3);
        expect(await readLeft(other)).toEqual([]);
        expect(idsOf(await readFresh(other, 3))).toEqual(['e5', 'e6', 'e7']);
      },
      { queuedEvents: 3 },
    ));
}

function testLetters(run: Run): void {
  test('lists dead letters newest first, page by page, of each app its own', () =>
    run(async (queue, other) => {
      const letters = ['a', 'b', 'c', 'd', 'e'].map((id) => letter(id));
      await queue.bury(APP, letters.slice(0, 3));
      await queue.bury(APP, letters.slice(3));
      await queue.bury('stranger', [letter('x')]);
      const listed = await readLetters(other, 2);
      expect(listed).toEqual(letters.toReversed().map((one) => ({ ...one, letterId: expect.any(String) })));
      expect(await queue.deadLetters(APP, 2)).toEqual(listed.slice(0, 2));
      expect(await queue.deadLetters(APP, 2, listed[1]?.letterId)).toEqual(listed.slice(2, 4));
      expect(await queue.deadLetters(APP, 0)).toEqual([]);
      expect(await queue.sizes(APP)).toEqual({ waiting: 0, dead: 5 });
    }));

  test.each(['junk', '', '-1', '1-1-1', ' 1'])('says that %j is no letter to go on before', (before) =>
    run(async (queue) => {
      const refusal = { status: 400, message: 'Invalid before: expected the next of the page before' };
      for (const count of [0, 10]) await expect(queue.deadLetters(APP, count, before)).rejects.toMatchObject(refusal);
    }),
  );

  test('goes on before a letter that is gone by then', () =>
    run(async (queue) => {
      await queue.bury(
        APP,
        ['a', 'b', 'c'].map((id) => letter(id)),
      );
      const [, second] = await queue.deadLetters(APP, 10);
      await queue.revive(APP, [second?.letterId as string]);
      expect(idsOf(await queue.deadLetters(APP, 10, second?.letterId))).toEqual(['a']);
    }));

  test('keeps the newest dead letters', () =>
    run(
      async (queue) => {
        await queue.bury(
          APP,
          ['a', 'b', 'c'].map((id) => letter(id)),
        );
        await queue.bury(
          APP,
          ['d', 'e', 'f', 'g'].map((id) => letter(id)),
        );
        await queue.bury(APP, []);
        expect(idsOf(await queue.deadLetters(APP, 10))).toEqual(['g', 'f', 'e']);
        expect(await queue.sizes(APP)).toEqual({ waiting: 0, dead: 3 });
      },
      { deadLetters: 3 },
    ));

  test('keeps the newest dead letters that are not too large together', () =>
    run(
      async (queue) => {
        const large = (id: string) => {
          const one = letter(id);
          return { ...one, event: { ...one.event, data: 'x'.repeat(100_000) } };
        };
        await queue.bury(APP, ['a', 'b', 'c'].map(large));
        expect(await queue.revive(APP, undefined)).toBe(3);
        await queue.bury(APP, ['d', 'e', 'f'].map(large));
        expect(idsOf(await queue.deadLetters(APP, 10))).toEqual(['f', 'e', 'd']);
        await queue.bury(APP, [letter('g'), large('h'), letter('i')]);
        expect(idsOf(await queue.deadLetters(APP, 10))).toEqual(['i', 'h', 'g', 'f', 'e']);
        expect(await queue.sizes(APP)).toEqual({ waiting: 3, dead: 5 });
      },
      { deadLetterBytes: 310_000 },
    ));

  test('knows nothing of an app that has nothing', () =>
    run(async (queue) => {
      expect(await queue.deadLetters('stranger', 10)).toEqual([]);
      expect(await queue.revive('stranger', undefined)).toBe(0);
      expect(await queue.revive('stranger', ['1-1', '1'])).toBe(0);
      expect(await queue.revive('stranger', undefined, [ENDPOINT])).toBe(0);
      expect(await queue.forget('stranger')).toBe(0);
      expect(await queue.deliveries('stranger')).toEqual([]);
      expect(await queue.sizes('stranger')).toEqual({ waiting: 0, dead: 0 });
      expect(await queue.read('fresh', 10)).toEqual([]);
    }));
}

function testForgetting(run: Run): void {
  test('keeps nothing of an app that was removed, in hand or not, and goes on with one of its name', () =>
    run(async (queue, other) => {
      await queue.add(APP, some(0, 3));
      await queue.add('other', some(0, 1));
      const [first] = (await readFresh(queue, 4)).filter(({ appId }) => appId === APP);
      await queue.bury(APP, [letter('a')]);
      await queue.bury('other', [letter('a')]);
      const delivery = { endpoint: ENDPOINT, startedAtMs: 1, durationMs: 1, events: 1, ids: ['a'], attempt: 1 };
      await queue.record(APP, [delivery]);
      expect(await other.forget(APP)).toBe(3);
      expect(await queue.sizes(APP)).toEqual({ waiting: 0, dead: 0 });
      expect([await queue.deadLetters(APP, 10), await queue.deliveries(APP)]).toEqual([[], []]);
      expect(await queue.sizes('other')).toEqual({ waiting: 1, dead: 1 });
      await queue.remove(APP, [first?.entryId as string]);
      await queue.add(APP, some(3, 1));
      expect(idsOf(await readFresh(queue, 1))).toEqual(['e3']);
      expect(await queue.sizes(APP)).toEqual({ waiting: 1, dead: 0 });
    }));
}

function testRevival(run: Run): void {
  test('puts all dead letters back, oldest first, each for its endpoint and with its id', () =>
    run(async (queue, other) => {
      const letters = Array.from({ length: 450 }, (_, index) => letter(`l${index}`, `${ENDPOINT}/${index % 3}`));
      await queue.bury(APP, letters);
      expect(await other.revive(APP, undefined)).toBe(450);
      expect(await queue.sizes(APP)).toEqual({ waiting: 450, dead: 0 });
      const entries = await readFresh(queue, 450);
      const expected = letters.map(({ id, event, atMs, endpoint }) => ({ id, event, atMs, endpoint, appId: APP }));
      expect(entries).toMatchObject(expected);
      expect(await queue.revive(APP, undefined)).toBe(0);
    }));

  test('puts those back that are named, once, and ignores the others', () =>
    run(async (queue) => {
      await queue.add(APP, some(0, 1));
      await queue.bury(
        APP,
        ['a', 'b', 'c', 'd'].map((id) => letter(id)),
      );
      const [d, c, , a] = (await queue.deadLetters(APP, 10)).map(({ letterId }) => letterId);
      const named = [d, a, a, c, 'none', '', '1-1', '0', '99999999999999999999-0'] as string[];
      expect(await queue.revive(APP, named)).toBe(3);
      expect(await queue.revive(APP, named)).toBe(0);
      expect(await queue.revive(APP, [])).toBe(0);
      expect(idsOf(await queue.deadLetters(APP, 10))).toEqual(['b']);
      expect(idsOf(await readFresh(queue, 4))).toEqual(['e0', 'a', 'c', 'd']);
    }));

  test('puts those back whose endpoint is asked for, and leaves the others where they are', () =>
    run(async (queue, other) => {
      const ends = [ENDPOINT, `${ENDPOINT}/2`, `2${ENDPOINT}`, '"}'];
      const letters = Array.from({ length: 410 }, (_, index) => letter(`l${index}`, ends[index % 4]));
      const trap = letter('trap');
      const data = `,"endpoint":${JSON.stringify('"}')}}`;
      await queue.bury(APP, [...letters, { ...trap, event: { ...trap.event, data } }]);
      expect(await queue.revive(APP, undefined, [])).toBe(0);
      expect(await queue.revive(APP, undefined, ['https://example.com/', 'hook', ''])).toBe(0);
      expect(await other.revive(APP, undefined, [ends[1] as string, '"}'])).toBe(205);
      const asked = letters.filter((_, index) => index % 2 === 1);
      expect(idsOf(await readFresh(queue, 205))).toEqual(idsOf(asked));
      const listed = await readLetters(queue);
      expect(idsOf(listed)).toEqual(['trap', ...idsOf(letters.filter((_, index) => index % 2 === 0).toReversed())]);
      const letterIds = listed.slice(0, 3).map(({ letterId }) => letterId);
      expect(await queue.revive(APP, letterIds, [ENDPOINT])).toBe(2);
      expect(idsOf(await readFresh(queue, 2))).toEqual(['l408', 'trap']);
    }));

  test('puts no more back than there is room for', () =>
    run(
      async (queue) => {
        await queue.add(APP, some(0, 3));
        await queue.bury(
          APP,
          ['a', 'b', 'c', 'd'].map((id) => letter(id)),
        );
        const letterIds = (await queue.deadLetters(APP, 10)).map(({ letterId }) => letterId);
        expect(await queue.revive(APP, letterIds)).toBe(2);
        expect(await queue.revive(APP, undefined)).toBe(0);
        expect(idsOf(await queue.deadLetters(APP, 10))).toEqual(['d', 'c']);
        const entries = await readFresh(queue, 5);
        expect(idsOf(entries)).toEqual(['e0', 'e1', 'e2', 'a', 'b']);
        await queue.remove(
          APP,
          entries.slice(0, 1).map(({ entryId }) => entryId),
        );
        expect(await queue.revive(APP, undefined)).toBe(1);
        expect(idsOf(await queue.deadLetters(APP, 10))).toEqual(['d']);
      },
      { queuedEvents: 5 },
    ));

  test('puts none back that are too large for the room there is', () =>
    run(
      async (queue) => {
        const large = (id: string) => {
          const one = letter(id);
          return { ...one, event: { ...one.event, data: 'x'.repeat(100_000) } };
        };
        await queue.bury(APP, ['a', 'b', 'c', 'd'].map(large));
        expect(await queue.revive(APP, undefined)).toBe(2);
        const [a, b] = await readFresh(queue, 2);
        expect(await queue.revive(APP, undefined)).toBe(0);
        await queue.remove(APP, [b?.entryId as string]);
        expect(await queue.revive(APP, undefined)).toBe(1);
        expect([a?.id, b?.id, ...idsOf(await readFresh(queue, 1))]).toEqual(['a', 'b', 'c']);
        expect(await queue.add(APP, some(0, 1))).toBe(0);
        expect(await queue.sizes(APP)).toEqual({ waiting: 3, dead: 1 });
      },
      { queuedBytes: 210_000 },
    ));

  test('has a revived letter left like any other event', () =>
    run(async (queue, other) => {
      await queue.bury(APP, [letter('a')]);
      await queue.revive(APP, undefined);
      expect(await readFresh(queue, 1)).toHaveLength(1);
      await handOver(queue, other);
      expect(await readLeft(other)).toMatchObject([{ id: 'a', endpoint: ENDPOINT }]);
    }));
}

function testRecords(run: Run): void {
  test('keeps the newest deliveries, newest first, of each app its own', () =>
    run(
      async (queue, other) => {
        await queue.record(APP, [delivery(1), delivery(2)]);
        await other.record('stranger', [delivery(9)]);
        expect(await other.deliveries(APP)).toEqual([delivery(2), delivery(1)]);
        const { status: _, ...unanswered } = delivery(3);
        await queue.record(APP, [unanswered, delivery(4)]);
        await queue.record(APP, []);
        expect(await queue.deliveries(APP)).toEqual([delivery(4), unanswered, delivery(2)]);
      },
      { deliveries: 3 },
    ));

  test('may be stopped twice', () =>
    run(async (queue) => {
      await queue.stop();
      await expect(queue.stop()).resolves.toBe(undefined);
    }));
}

/** Of clusters with several nodes. */
export function webhookClaimContract(name: string, make: MakeCluster): void {
  const run = runner(make);

  describe(`${name}: who delivers webhooks`, () => {
    test('is one node, which may stay it, until it lets another', () =>
      run(async (queue, other) => {
        expect(await other.claim(LONG_MS)).toBe(false);
        expect(await queue.claim(LONG_MS)).toBe(true);
        await other.release();
        expect(await other.claim(LONG_MS)).toBe(false);
        await queue.release();
        expect(await other.claim(LONG_MS)).toBe(true);
        expect(await queue.claim(LONG_MS)).toBe(false);
      }));

    test('is one of those who ask at once', () =>
      run(async (queue, other) => {
        await queue.release();
        const claims = await Promise.all([queue, other, queue, other].map((one) => one.claim(LONG_MS)));
        expect(claims).toSatisfy(([a, b, c, d]) => a === c && b === d && a !== b);
      }));

    test('is given nothing fresh that another node was given meanwhile: that is left', () =>
      run(async (queue, other) => {
        await queue.add(APP, some(0, 1));
        await readLeft(queue);
        expect(await readFresh(queue, 1)).toHaveLength(1);
        await handOver(queue, other);
        await other.add(APP, some(1, 1));
        expect(idsOf(await readFresh(other, 1))).toEqual(['e1']);
        await handOver(other, queue);
        expect(await queue.read('fresh', 10)).toEqual([]);
        expect(idsOf(await readLeft(queue))).toEqual(['e0', 'e1']);
      }));

    // Nobody tells of a lease that lapses: it is asked for until it has.
    test('is another node when the lease has lapsed, and the first is told so', () =>
      run(async (queue, other) => {
        await queue.add(APP, some(0, 2));
        expect(await readFresh(queue, 1, 1)).toHaveLength(1);
        expect(await queue.claim(50)).toBe(true);
        await vi.waitUntil(() => other.claim(LONG_MS), { timeout: 10_000, interval: 10 });
        expect(idsOf(await readLeft(other))).toEqual(['e0']);
        expect(await queue.claim(LONG_MS)).toBe(false);
        await queue.release();
        expect(await queue.claim(LONG_MS)).toBe(false);
        await other.release();
        expect(await queue.claim(LONG_MS)).toBe(true);
      }));

    test('is told once when its lease lapsed and another node had it meanwhile', () =>
      run(async (queue, other) => {
        expect(await queue.claim(50)).toBe(true);
        await vi.waitUntil(() => other.claim(LONG_MS), { timeout: 10_000, interval: 10 });
        await other.release();
        expect(await queue.claim(LONG_MS)).toBe(false);
        expect(await queue.claim(LONG_MS)).toBe(true);
        expect(await other.claim(LONG_MS)).toBe(false);
      }));

    test('is told nothing of a lease that lapsed when it has let another deliver itself', () =>
      run(async (queue, other) => {
        expect(await queue.claim(50)).toBe(true);
        await vi.waitUntil(() => other.claim(LONG_MS), { timeout: 10_000, interval: 10 });
        await queue.release();
        await handOver(other, queue);
      }));
  });
}
