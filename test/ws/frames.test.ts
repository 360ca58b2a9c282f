// Frames no client library would send: each is answered or ends its own socket as RFC 6455 says, and no other
// (websocket.md §1, §3.3, §4.6).
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Client, connect } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { clientFrame, type FrameParts, opcodes, openRaw } from './support/raw-socket.ts';
import { failOnUnhandled } from './support/unhandled.ts';

failOnUnhandled();

let server: TestServer;
let bystander: Client;
beforeAll(async () => {
  server = await startServer();
});
beforeEach(async () => {
  bystander = await connect(server);
});
afterEach(async () => {
  await bystander.expectNothing();
  await bystander[Symbol.asyncDispose]();
  expect(server.logged.filter(({ level }) => Number(level) >= 40)).toEqual([]);
});
afterAll(() => server.stop());

const { continuation, text, binary, close, ping, pong } = opcodes;
const PING = '{"event":"pusher:ping"}';
const INVALID = { event: 'pusher:error', data: { code: 4200, message: 'Invalid message format' } };
const PONG = { event: 'pusher:pong', data: '{}' };
/** data limit + 2 kB */
const LARGEST = 10_240 + 2048;

describe('closes the socket', () => {
  type Frames = [payload: string | Uint8Array, parts?: FrameParts][];
  const wrongUtf8 = Uint8Array.of(0x22, 0xc3, 0x28, 0x22);

  test.each<[what: string, frames: Frames, code: number]>([
    ['an unmasked frame', [[PING, { masked: false }]], 1002],
    ['reserved bit 1', [[PING, { reserved: 0x40 }]], 1002],
    ['reserved bit 2', [[PING, { reserved: 0x20 }]], 1002],
    ['reserved bit 3', [[PING, { reserved: 0x10 }]], 1002],
    ['the unknown opcode 3', [[PING, { opcode: 3 }]], 1002],
    ['the unknown opcode 7', [[PING, { opcode: 7 }]], 1002],
    ['the unknown opcode 11', [[PING, { opcode: 11 }]], 1002],
    ['the unknown opcode 15', [[PING, { opcode: 15 }]], 1002],
    ['a ping of 126 bytes', [['x'.repeat(126), { opcode: ping }]], 1002],
    ['a fragmented ping', [['x', { opcode: ping, fin: false }]], 1002],
    ['a continuation of nothing', [[PING, { opcode: continuation }]], 1002],
    ['a message within a message', [['{', { fin: false }], [PING]], 1002],
    ['a close frame of one byte', [['x', { opcode: close }]], 1002],
    ['a close frame with code 1005', [[Uint8Array.of(0x03, 0xed), { opcode: close }]], 1002],
    ['a close frame with code 999', [[Uint8Array.of(0x03, 0xe7), { opcode: close }]], 1002],
    ['wrong UTF-8', [[wrongUtf8]], 1007],
    [
      'wrong UTF-8 over two fragments',
      [
        [wrongUtf8.subarray(0, 2), { fin: false }],
        [wrongUtf8.subarray(2), { opcode: continuation }],
      ],
      1007,
    ],
    ['a wrong UTF-8 close reason', [[Uint8Array.of(0x03, 0xe8, 0xc3, 0x28), { opcode: close }]], 1007],
    ['a frame one byte above the limit', [['x'.repeat(LARGEST + 1)]], 1009],
    ['the header alone of a frame of 10 MB', [['', { length: 10_000_000 }]], 1009],
    ['a length above every limit', [['', { length: 2 ** 60 }]], 1009],
    [
      'fragments that are too large together',
      [
        ['x'.repeat(LARGEST), { fin: false }],
        ['y', { opcode: continuation }],
      ],
      1009,
    ],
    ['a binary frame above the limit', [['x'.repeat(LARGEST + 1), { opcode: binary }]], 1009],
  ])('for %s', async (_what, frames, code) => {
    await using raw = await openRaw(server);
    for (const [payload, parts] of frames) raw.write(clientFrame(payload, parts));
    expect(await raw.nextCloseCode()).toBe(code);
    raw.socket.end();
    await raw.closed;
  });

  test('for a frame of 10 MB that really is sent', async () => {
    await using raw = await openRaw(server);
    raw.write(clientFrame(Buffer.alloc(10_000_000, 'x')));
    expect(await raw.nextCloseCode()).toBe(1009);
  });

  test('and tells the client whose library would not have it otherwise', async () => {
    await using client = await connect(server);
    client.send('x'.repeat(LARGEST + 1));
    expect((await client.closed).code).toBe(1009);
  });

  test.each([
    [Uint8Array.of(0x03, 0xe8), 1000],
    [Uint8Array.of(0x0f, 0xa0), 4000],
    [Buffer.concat([Uint8Array.of(0x03, 0xe9), Buffer.from('going away')]), 1001],
  ])('when the peer closes it, with the peer’s own code', async (payload, code) => {
    await using raw = await openRaw(server);
    raw.write(clientFrame(payload, { opcode: close }));
    const frame = await raw.next();
    expect([frame.opcode, frame.payload.readUInt16BE(0)]).toEqual([close, code]);
    raw.socket.end();
    await raw.closed;
  });
});

describe('REC websocket §4.6: answers 4200 and goes on after', () => {
  test.each<[what: string, payload: string | Uint8Array, parts: FrameParts]>([
    ['an empty frame', '', {}],
    ['a binary frame', PING, { opcode: binary }],
    ['an empty binary frame', '', { opcode: binary }],
    ['no JSON', 'hello', {}],
    ['half of JSON', '{"event":', {}],
    ['an array', '[]', {}],
    ['null', 'null', {}],
    ['a number', '1e999', {}],
    ['no event', '{}', {}],
    ['an event that is no text', '{"event":7}', {}],
    ['an unknown pusher: event', '{"event":"pusher:unknown"}', {}],
    ['an internal event', '{"event":"pusher_internal:member_added","channel":"a","data":"{}"}', {}],
    ['a subscribe without data', '{"event":"pusher:subscribe"}', {}],
    ['a subscribe without a channel', '{"event":"pusher:subscribe","data":{}}', {}],
    ['a subscribe to a number', '{"event":"pusher:subscribe","data":{"channel":7}}', {}],
    ['a subscribe by prototype', '{"event":"pusher:subscribe","data":{"__proto__":{"channel":"a"}}}', {}],
    ['an event by prototype', '{"__proto__":{"event":"pusher:ping"}}', {}],
    ['a client event without a channel', '{"event":"client-x","data":{}}', {}],
    ['deep nesting', '['.repeat(LARGEST), {}],
    ['a NUL', '\0', {}],
  ])('%s', async (_what, payload, parts) => {
    await using raw = await openRaw(server);
    raw.write(clientFrame(payload, parts));
    expect(await raw.nextEvent()).toEqual(INVALID);
    raw.write(clientFrame(PING));
    expect(await raw.nextEvent()).toEqual(PONG);
  });
});

describe('takes', () => {
  test('a frame at the limit', async () => {
    await using raw = await openRaw(server);
    raw.write(clientFrame(PING.padEnd(LARGEST)));
    expect(await raw.nextEvent()).toEqual(PONG);
  });

  test('the limit of the socket’s own app', async () => {
    const small = { id: 'small', key: 'small-key', secret: 's', limits: { payloadBytes: 1 } };
    await using two = await startServer({ limits: { payloadBytes: 1_000_000 } }, { apps: [small] });
    await using large = await connect(two);
    large.send(PING.padEnd(1_002_048));
    expect(await large.next()).toEqual(PONG);
    await using client = await connect(two, { key: 'small-key' });
    client.send(PING.padEnd(2049));
    expect(await client.next()).toEqual(PONG);
    client.send(PING.padEnd(2050));
    expect((await client.closed).code).toBe(1009);
  });

  test('REC websocket §1: a message in fragments, with pings between them', async () => {
    await using raw = await openRaw(server);
    const message = Buffer.from('{"event":"pusher:subscribe","data":{"channel":"fragments","ü":"€"}}');
    for (const [index, byte] of message.entries()) {
      raw.write(clientFrame(Uint8Array.of(byte), { opcode: index === 0 ? text : continuation, fin: false }));
      if (index % 20 === 0) raw.write(clientFrame(`ping ${index}`, { opcode: ping }));
    }
    raw.write(clientFrame('', { opcode: continuation }));
    for (const index of [0, 20, 40, 60]) {
      const frame = await raw.next();
      expect([frame.opcode, frame.payload.toString()]).toEqual([pong, `ping ${index}`]);
    }
    expect(await raw.nextEvent()).toMatchObject({ event: 'pusher_internal:subscription_succeeded' });
  });

  test('frames that arrive byte by byte, and many at once', async () => {
    await using raw = await openRaw(server);
    for (const byte of clientFrame(PING)) raw.write(Uint8Array.of(byte));
    expect(await raw.nextEvent()).toEqual(PONG);
    raw.write(Buffer.concat(Array.from({ length: 500 }, () => clientFrame(PING))));
    for (let n = 0; n < 500; n += 1) expect(await raw.nextEvent()).toEqual(PONG);
  });

  test('REC websocket §3.3: WebSocket pings, which it answers, and pongs that nobody asked for', async () => {
    await using raw = await openRaw(server);
    for (const payload of ['', 'x'.repeat(125)]) {
      raw.write(clientFrame('', { opcode: pong }));
      raw.write(clientFrame(payload, { opcode: ping }));
      const frame = await raw.next();
      expect([frame.opcode, frame.payload.toString()]).toEqual([pong, payload]);
    }
  });
});
