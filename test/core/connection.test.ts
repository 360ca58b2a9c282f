// One socket: its first frame, its mailbox, its errors, what it is owed.
import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../../src/protocol/errors.ts';
import { createHarness, suspend } from './support/harness.ts';
import { settle } from './support/time.ts';

const PING = { event: 'pusher:ping', data: {} };

describe('establishment', () => {
  test('REC websocket §3.1: the first frame is connection_established, with the configured timeout in seconds', async () => {
    await using harness = await createHarness({}, { activityTimeoutSeconds: 45 });
    const client = harness.open();
    const [first, ...more] = await client.readTexts();
    expect(client.socketId).toMatch(/^\d+\.\d+$/);
    expect(first).toBe(
      `{"event":"pusher:connection_established","data":"{\\"socket_id\\":\\"${client.socketId}\\",\\"activity_timeout\\":45}"}`,
    );
    expect(more).toEqual([]);
    expect(harness.facts).toEqual([{ type: 'connection_opened', appId: 'app', socketId: client.socketId }]);
  });

  test('REC websocket §3.1: what a client says before it has read that frame is answered after it', async () => {
    await using harness = await createHarness();
    const gate = suspend(harness.adapters.tracker, 'connect');
    const client = harness.open();
    client.say({ event: 'pusher:ping', data: '' });
    client.subscribing('news');
    expect(await client.read()).toEqual([]);
    gate.open();
    const [first, ...more] = await client.read();
    expect(first).toMatch(/^pusher:connection_established /);
    expect(more).toEqual(['pusher:pong {}', 'pusher_internal:subscription_succeeded news {}']);
  });

  test('every socket has an id of its own', async () => {
    await using harness = await createHarness();
    const ids = await Promise.all(Array.from({ length: 50 }, async () => (await harness.connect()).socketId));
    expect(new Set(ids).size).toBe(50);
  });

  test('a socket that closes before it was counted leaves nothing behind', async () => {
    await using harness = await createHarness();
    const gate = suspend(harness.adapters.tracker, 'connect');
    const client = harness.open();
    await gate.entered;
    client.connection?.closed();
    gate.open();
    expect(await client.read()).toEqual([]);
    expect(await harness.core.connectionCount(harness.app)).toBe(0);
    expect(harness.core.nodeStats().sockets).toBe(0);
    expect(harness.facts.map(({ type }) => type)).toEqual(['connection_opened', 'connection_closed']);
  });

  test('a socket that cannot be counted is told to come back later', async () => {
    await using harness = await createHarness();
    const gate = suspend(harness.adapters.tracker, 'connect');
    const client = harness.open();
    gate.fail(new Error('no tracker'));
    expect(await client.read()).toEqual([
      'pusher:error {"code":4100,"message":"Internal server error, please reconnect"}',
    ]);
    expect(client.transport.closedWith?.code).toBe(4100);
    expect(harness.core.nodeStats().sockets).toBe(0);
    expect(harness.facts).toEqual([]);
  });
});

describe('the mailbox', () => {
  test('messages are handled one at a time and in order, also when one takes long', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    const gate = suspend(harness.adapters.tracker, 'join');
    client.subscribing('slow');
    client.say(PING);
    client.subscribing('fast');
    expect(await client.read()).toEqual([]);
    gate.open();
    expect(await client.read()).toEqual([
      'pusher_internal:subscription_succeeded slow {}',
      'pusher:pong {}',
      'pusher_internal:subscription_succeeded fast {}',
    ]);
  });

  test('the peer is not read while more than 128 messages wait, and is again when half are done', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    const gate = suspend(harness.adapters.tracker, 'join');
    client.subscribing('slow');
    for (let count = 0; count < 128; count += 1) client.say(PING);
    expect(client.transport.pauses).toBe(0);
    client.say(PING);
    expect(client.transport.paused).toBe(true);
    client.say(PING);
    expect(client.transport.pauses).toBe(1);
    gate.open();
    expect(await client.read()).toHaveLength(131);
    expect(client.transport.paused).toBe(false);
    for (let count = 0; count < 200; count += 1) client.say(PING);
    expect(client.transport.pauses).toBe(2);
    expect(await client.read()).toHaveLength(200);
    expect(client.transport.paused).toBe(false);
  });

  test('a paused peer stays paused until 64 or fewer wait', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    const gates = [suspend(harness.adapters.tracker, 'join'), suspend(harness.adapters.tracker, 'join')];
    client.subscribing('first');
    for (let count = 0; count < 63; count += 1) client.say(PING);
    client.subscribing('second');
    for (let count = 0; count < 65; count += 1) client.say(PING);
    expect(client.transport.paused).toBe(true);
    gates[0]?.open();
    await settle();
    expect(client.transport.paused).toBe(true);
    gates[1]?.open();
    await settle();
    expect(client.transport.paused).toBe(false);
  });

  test('what a peer sent before it was ended, and after, is not acted upon', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    const gate = suspend(harness.adapters.tracker, 'join');
    client.subscribing('slow');
    client.subscribing('news');
    client.connection?.end({ code: 4200, message: 'away' });
    client.say(PING);
    gate.open();
    expect(await client.read()).toEqual(['pusher:error {"code":4200,"message":"away"}']);
    expect(harness.takeFacts()).toEqual(['channel_occupied slow', 'channel_vacated slow']);
    expect(await harness.remains()).toEqual({ topics: 0, channels: [] });
  });

  test('REC websocket §3.4: a socket that closes half-way through a subscribe leaves no ghost', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    const watcher = await harness.connect();
    await watcher.subscribe('presence-room', { user_id: '1' });
    const gate = suspend(harness.adapters.tracker, 'join');
    client.subscribing('presence-room', { user_id: '7' });
    await gate.entered;
    client.connection?.closed();
    gate.open();
    expect(await client.read()).toEqual([]);
    expect(await watcher.read()).toEqual([
      'pusher_internal:member_added presence-room {"user_id":"7","user_info":null}',
      'pusher_internal:member_removed presence-room {"user_id":"7"}',
    ]);
    expect(await harness.adapters.tracker.members('app', 'presence-room')).toEqual([{ userId: '1', info: 'null' }]);
    await watcher.close();
    expect(await harness.remains()).toEqual({ topics: 0, channels: [] });
    expect(harness.core.nodeStats().sockets).toBe(0);
  });

  test('REC websocket §3.4: a socket that closes leaves every channel, its user and its app', async () => {
    await using harness = await createHarness({ watchlists: true });
    const client = await harness.connect();
    await client.signIn({ id: '7', watchlist: ['8'] });
    for (const channel of ['news', 'private-x', 'cache-y']) await client.subscribe(channel);
    await client.subscribe('presence-room', { user_id: '9' });
    harness.takeFacts();
    await client.close();
    expect(harness.takeFacts()).toEqual([
      'channel_vacated news',
      'channel_vacated private-x',
      'channel_vacated cache-y',
      'member_removed presence-room 9',
      'channel_vacated presence-room',
    ]);
    expect(await harness.remains()).toEqual({ topics: 0, channels: [] });
    expect(await harness.adapters.tracker.online('app', ['7'])).toEqual(new Set());
    expect(await harness.core.connectionCount(harness.app)).toBe(0);
  });

  test('a close that is reported twice is handled once', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.close();
    await client.close();
    expect(harness.facts.filter(({ type }) => type === 'connection_closed')).toHaveLength(1);
    expect(await harness.core.connectionCount(harness.app)).toBe(0);
  });

  test('a channel that cannot be left is logged, and the others are left', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    await client.subscribe('first');
    await client.subscribe('second');
    suspend(harness.adapters.tracker, 'leave').fail(new Error('no tracker'));
    await client.close();
    expect(harness.takeFacts()).toEqual([
      'channel_occupied first',
      'channel_occupied second',
      'channel_vacated second',
    ]);
    expect(harness.logged).toMatchObject([{ msg: 'a channel was not left', err: { message: 'no tracker' } }]);
    expect(harness.core.nodeStats()).toEqual({ sockets: 0, topics: 0, malformed: 0 });
  });
});

describe('tasks', () => {
  test('are done in turn with the messages', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    const gate = suspend(harness.adapters.tracker, 'join');
    client.subscribing('slow');
    const seen: number[] = [];
    client.connection?.perform(async () => void seen.push(client.connection?.subscriptions.size ?? 0));
    client.say(PING);
    await gate.entered;
    expect(seen).toEqual([]);
    gate.open();
    expect(await client.read()).toHaveLength(2);
    expect(seen).toEqual([1]);
  });

  test('are not done once the connection has ended, queued before or after', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    const gate = suspend(harness.adapters.tracker, 'join');
    client.subscribing('slow');
    const done: string[] = [];
    client.connection?.perform(async () => void done.push('before'));
    client.connection?.end({ code: 4200, message: 'away' });
    client.connection?.perform(async () => void done.push('after'));
    gate.open();
    await settle();
    expect(done).toEqual([]);
  });

  test('answer their errors as messages do', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    client.connection?.perform(async () => {
      throw new ProtocolError(4301, 'no');
    });
    expect(await client.ask(PING)).toEqual(['pusher:error {"code":4301,"message":"no"}', 'pusher:pong {}']);
    client.connection?.perform(async () => {
      throw new Error('broken');
    });
    await settle();
    expect(client.transport.closedWith?.code).toBe(4100);
    expect(harness.logged).toMatchObject([{ level: 50, err: { message: 'broken' } }]);
  });
});

describe('errors', () => {
  test('our own failure ends the connection with 4100, never a code that clients take as final', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    const gate = suspend(harness.adapters.tracker, 'join');
    client.subscribing('news');
    gate.fail(new Error('no tracker'));
    expect(await client.read()).toEqual([
      'pusher:error {"code":4100,"message":"Internal server error, please reconnect"}',
    ]);
    expect(client.transport.closedWith).toEqual({ code: 4100, reason: 'Internal server error, please reconnect' });
    expect(harness.logged).toMatchObject([{ level: 50, msg: 'a message could not be handled' }]);
    expect(await harness.remains()).toEqual({ topics: 0, channels: [] });
  });

  test('an ending comes after everything that was queued, as error and close with the same code', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    client.connection?.send(Buffer.from('8102' + '6869', 'hex'));
    client.connection?.end({ code: 4200, message: 'away' });
    client.connection?.end({ code: 4201, message: 'again' });
    expect(await client.readTexts()).toEqual(['hi', '{"event":"pusher:error","data":{"code":4200,"message":"away"}}']);
    expect(client.transport.closedWith).toEqual({ code: 4200, reason: 'away' });
  });

  test('a reason too long for a close frame is cut, and the error is whole', async () => {
    await using harness = await createHarness();
    const client = await harness.connect();
    client.connection?.end({ code: 4009, message: '🎺'.repeat(100) });
    expect(await client.read()).toEqual([`pusher:error {"code":4009,"message":"${'🎺'.repeat(100)}"}`]);
    const { reason = '' } = client.transport.closedWith ?? {};
    expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
    expect(reason).toMatch(/^(🎺)+…$/u);
  });
});

describe('slow readers', () => {
  test('more than the bound unsent closes with 4100, and is counted', async () => {
    await using harness = await createHarness({}, { maxUnsentBytes: 1000 });
    const client = await harness.connect();
    const other = await harness.connect();
    await client.subscribe('news');
    await other.subscribe('news');
    await client.read();
    await other.read();
    client.transport.unsentBytes = 990;
    await harness.trigger({ data: 'x'.repeat(100) });
    expect(await client.read()).toEqual([]);
    expect(client.transport.closedWith).toEqual({ code: 4100, reason: 'Connection reads too slowly' });
    expect(await other.read()).toHaveLength(1);
    expect(harness.core.stats(harness.app).traffic.slowReaders).toBe(1);
    expect(harness.core.stats(harness.app).sockets).toBe(1);
  });

  test('exactly the bound is written', async () => {
    await using harness = await createHarness({}, { maxUnsentBytes: 1000 });
    const client = await harness.connect();
    // The pong is 37 bytes with its header.
    client.transport.unsentBytes = 963;
    expect(await client.ask(PING)).toEqual(['pusher:pong {}']);
    client.transport.unsentBytes = 964;
    expect(await client.ask(PING)).toEqual([]);
    expect(client.transport.closedWith?.code).toBe(4100);
  });

  test('one write above the bound is taken by a peer that has read everything', async () => {
    await using harness = await createHarness({}, { maxUnsentBytes: 50 });
    const client = await harness.connect();
    await client.subscribe('news');
    await harness.trigger({ data: 'x'.repeat(5000) });
    expect(await client.read()).toHaveLength(1);
    expect(client.transport.closedWith).toBe(undefined);
  });
});

test('counts what was received, triggered and sent, per app', async () => {
  await using harness = await createHarness();
  const client = await harness.connect();
  await client.subscribe('news');
  await harness.trigger({});
  await harness.trigger({ channels: ['nobody'] });
  await client.ask('no message');
  const { traffic, sockets } = harness.core.stats(harness.app);
  expect(sockets).toBe(1);
  expect(traffic).toEqual({ received: 2, triggered: 2, sent: 4, slowReaders: 0 });
});
