// One write per socket and turn; what several sockets are owed alike is joined once.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Outbox } from '../../src/core/outbox.ts';
import { createHarness } from './support/harness.ts';
import { fakeTime, settle } from './support/time.ts';

test('all that a socket is sent in one turn leaves in one write, in order', async () => {
  await using harness = await createHarness();
  const client = await harness.connect();
  await client.subscribe('news');
  const before = client.transport.writes.length;
  const published = ['1', '2', '3'].map((data) => harness.trigger({ data }));
  await Promise.all(published);
  expect(client.transport.writes.length).toBe(before);
  expect(await client.read()).toEqual(['e news 1', 'e news 2', 'e news 3']);
  expect(client.transport.writes.length).toBe(before + 1);
});

test('sockets owed the same share the very buffer, also when it joins several frames', async () => {
  await using harness = await createHarness();
  const clients = [await harness.connect(), await harness.connect(), await harness.connect()];
  for (const client of clients) await client.subscribe('news');
  await Promise.all([harness.trigger({ data: '1' }), harness.trigger({ data: '2' })]);
  await settle();
  const [first, ...others] = clients.map((client) => client.transport.writes.at(-1));
  for (const other of others) expect(other).toBe(first);
  expect(await clients[0]?.read()).toContain('e news 2');
});

test('sockets owed the same end of different frames get each their own', async () => {
  await using harness = await createHarness();
  const one = await harness.connect();
  const both = await harness.connect();
  await one.subscribe('news');
  await both.subscribe('news');
  await both.subscribe('sport');
  await both.read();
  await one.read();
  await Promise.all([
    harness.trigger({ channels: ['sport'], data: '0' }),
    harness.trigger({ data: '1' }),
    harness.trigger({ data: '2' }),
  ]);
  expect(await one.read()).toEqual(['e news 1', 'e news 2']);
  expect(await both.read()).toEqual(['e sport 0', 'e news 1', 'e news 2']);
});

test('a socket that is owed one frame is written that frame itself', async () => {
  const written: Buffer[] = [];
  const outbox = new Outbox();
  const frame = Buffer.from('a');
  const owed = outbox.open({ flush: () => written.push(owed.bytes()) }).append(frame);
  await settle();
  expect(written).toEqual([frame]);
  expect(written[0]).toBe(frame);
});

test('replies keep their place among broadcasts', async () => {
  await using harness = await createHarness();
  const client = await harness.connect();
  await client.subscribe('news');
  await harness.trigger({ data: 'before' });
  client.say({ event: 'pusher:ping', data: {} });
  await harness.trigger({ data: 'after' });
  expect(await client.read()).toEqual(['e news before', 'pusher:pong {}', 'e news after']);
});

test('what is sent while the outbox writes leaves in the next turn', async () => {
  const outbox = new Outbox();
  const flushed: string[] = [];
  outbox.open({
    flush: () => {
      flushed.push('first');
      outbox.open({ flush: () => flushed.push('second') });
    },
  });
  await settle();
  expect(flushed).toEqual(['first', 'second']);
});

test('the same frames are one chain in a turn, and another after it, so that none is kept', async () => {
  const outbox = new Outbox();
  const frame = Buffer.from('a');
  const open = () => outbox.open({ flush: () => {} });
  const first = open().append(frame);
  expect(open().append(frame)).toBe(first);
  expect(first.append(frame).byteLength).toBe(2);
  await settle();
  expect(open().append(frame)).not.toBe(first);
});

describe('a flush that follows upon a long one', () => {
  beforeEach(() => fakeTime());
  afterEach(() => vi.useRealTimers());

  /** Whose flush takes so long. */
  function slowDebtor(tookMs: number): { flush(): void; flushed: number } {
    const debtor = {
      flushed: 0,
      flush: () => {
        debtor.flushed += 1;
        vi.advanceTimersByTime(tookMs);
      },
    };
    return debtor;
  }

  test.each([
    { tookMs: 9, pauseMs: 0, flushedAtOnce: 1 },
    { tookMs: 9, pauseMs: 2, flushedAtOnce: 1 },
    { tookMs: 9, pauseMs: 3, flushedAtOnce: 2 },
    { tookMs: 0.9, pauseMs: 0, flushedAtOnce: 2 },
  ])('waits for more only where that is worth it: %o', async ({ tookMs, pauseMs, flushedAtOnce }) => {
    const outbox = new Outbox();
    const debtor = slowDebtor(tookMs);
    outbox.open(debtor);
    await settle();
    expect(debtor.flushed).toBe(1);
    vi.advanceTimersByTime(pauseMs);
    outbox.open(debtor);
    await settle();
    expect(debtor.flushed).toBe(flushedAtOnce);
    vi.advanceTimersByTime(Math.ceil(tookMs / 3));
    await settle();
    expect(debtor.flushed).toBe(2);
  });
});
