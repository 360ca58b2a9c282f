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

  /** Flushes to as many sockets, in that time. */
  function flush(outbox: Outbox, sockets: number, tookMs: number): void {
    for (let number = 1; number < sockets; number += 1) outbox.open({ flush: () => {} });
    outbox.open({ flush: () => vi.advanceTimersByTime(tookMs) });
  }

  test.each([
    { sockets: 200, tookMs: 9, pauseMs: 0, waitsMs: 3 },
    { sockets: 200, tookMs: 9, pauseMs: 2, waitsMs: 3 },
    { sockets: 200, tookMs: 9, pauseMs: 3, waitsMs: 0 },
    { sockets: 200, tookMs: 900, pauseMs: 9, waitsMs: 10 },
    { sockets: 200, tookMs: 900, pauseMs: 10, waitsMs: 0 },
    { sockets: 199, tookMs: 9, pauseMs: 0, waitsMs: 0 },
  ])('waits for more only where that is worth it: %o', async ({ sockets, tookMs, pauseMs, waitsMs }) => {
    const outbox = new Outbox();
    flush(outbox, sockets, tookMs);
    await settle();
    vi.advanceTimersByTime(pauseMs);
    let flushed = false;
    outbox.open({
      flush: () => {
        flushed = true;
      },
    });
    for (let waitedMs = 0; waitedMs < waitsMs; waitedMs += 1) {
      await settle();
      expect(flushed).toBe(false);
      vi.advanceTimersByTime(1);
    }
    await settle();
    expect(flushed).toBe(true);
  });
});
