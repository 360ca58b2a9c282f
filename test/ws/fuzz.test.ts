// Whatever arrives at an open socket: it answers, or closes by RFC 6455, and other sockets do not notice.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Client, connect } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { clientFrame, dial, opcodes, openRaw, type RawSocket, upgradeRequest } from './support/raw-socket.ts';
import { failOnUnhandled } from './support/unhandled.ts';

failOnUnhandled();

let server: TestServer;
let bystander: Client;
beforeAll(async () => {
  server = await startServer({ clientEvents: true, watchlists: true, subscriptionCount: true, anyChannelName: true });
  bystander = await connect(server);
});
afterAll(async () => {
  await bystander[Symbol.asyncDispose]();
  await server.stop();
  expect(server.logged.filter(({ level }) => Number(level) >= 40)).toEqual([]);
});

/** Reads until the pong that ends a run, or the end of the socket. @returns the code it was closed with. */
async function outcome(raw: RawSocket, marker: string): Promise<number | 'answered' | 'dropped'> {
  for (;;) {
    const frame = await raw.next().catch(() => undefined);
    if (frame === undefined) return 'dropped';
    if (frame.opcode === opcodes.close) return frame.payload.length < 2 ? 1005 : frame.payload.readUInt16BE(0);
    if (frame.opcode === opcodes.pong && frame.payload.toString() === marker) return 'answered';
  }
}

const payload = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.json(),
  fc.constantFrom('{"event":"pusher:ping"}', '{"event":"pusher:subscribe","data":{"channel":"a"}}', ''),
);
const parts = fc.record(
  {
    opcode: fc.oneof(fc.constantFrom(0, 1, 1, 2, 8, 9, 10), fc.nat(15)),
    fin: fc.boolean(),
    masked: fc.oneof({ arbitrary: fc.constant(true), weight: 9 }, { arbitrary: fc.constant(false), weight: 1 }),
    reserved: fc.oneof({ arbitrary: fc.constant(0), weight: 9 }, { arbitrary: fc.constantFrom(0x10, 0x40), weight: 1 }),
  },
  { requiredKeys: ['opcode'] },
);

test('answers any frames, or closes with a code of RFC 6455 or the peer’s own', async () => {
  let answered = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(payload, parts), { maxLength: 5 }), async (frames) => {
      await using raw = await openRaw(server);
      for (const [bytes, how] of frames) raw.write(clientFrame(bytes, how));
      raw.write(clientFrame('marker', { opcode: opcodes.ping }));
      const result = await outcome(raw, 'marker');
      const closes = frames
        .filter(([, { opcode }]) => opcode === opcodes.close)
        .map(([bytes]) => Buffer.from(bytes as string));
      const own = closes.map((bytes) => (bytes.length < 2 ? 1005 : bytes.readUInt16BE(0)));
      expect(['answered', 1002, 1007, ...own]).toContain(result);
      if (result === 'answered') answered += 1;
      await bystander.expectNothing();
    }),
    { numRuns: 250 },
  );
  expect(answered).toBeGreaterThan(0);
});

test('survives any bytes after the upgrade, and before it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), fc.boolean(), async (bytes, upgraded) => {
      await using raw = await (upgraded ? openRaw(server) : dial(server));
      raw.write(bytes);
      raw.socket.end();
      await raw.closed;
      await bystander.expectNothing();
    }),
    { numRuns: 150 },
  );
});

test('survives any target and headers of an upgrade', async () => {
  const characters = fc.string({
    unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
    maxLength: 40,
  });
  const target = fc.oneof(
    characters.map((rest) => `/app/${rest}`),
    characters.map((rest) => `/app/app-key?${rest}`),
    characters.map((rest) => `/${rest}`),
  );
  const names = fc.constantFrom(
    'origin',
    'sec-websocket-protocol',
    'sec-websocket-extensions',
    'sec-websocket-version',
    'cookie',
  );
  await fc.assert(
    fc.asyncProperty(target, fc.dictionary(names, characters), async (asked, headers) => {
      await using raw = await dial(server);
      raw.write(upgradeRequest(asked, headers));
      expect(Number((await raw.answerHead()).slice(9, 12))).toBeOneOf([101, 400, 404]);
    }),
    { numRuns: 200 },
  );
});

test('answers any message of a client that means it', async () => {
  const name = fc.constantFrom(
    'pusher:subscribe',
    'pusher:unsubscribe',
    'pusher:signin',
    'pusher:pong',
    'client-x',
    'pusher:x',
    'x',
    '',
  );
  const channel = fc.constantFrom(
    'a',
    'private-a',
    'presence-a',
    'cache-a',
    '#server-to-user-1',
    '#',
    '',
    '__proto__',
    'ü',
    'x'.repeat(201),
  );
  const data = fc.oneof(
    fc.jsonValue(),
    fc.json(),
    fc.record(
      {
        channel,
        auth: fc.oneof(fc.jsonValue(), fc.constant('app-key:00')),
        channel_data: fc.oneof(fc.json(), fc.jsonValue()),
      },
      { requiredKeys: ['channel'] },
    ),
    fc.record({ auth: fc.constant('app-key:00'), user_data: fc.json() }),
  );
  const message = fc.record(
    { event: fc.oneof(name, fc.jsonValue()), channel: fc.oneof(channel, fc.jsonValue()), data },
    { requiredKeys: [] },
  );
  let client = await connect(server);
  await fc.assert(
    fc.asyncProperty(message, async (sent) => {
      client.send(sent);
      client.send({ event: 'pusher:ping' });
      const ended = await Promise.race([client.nextOf('pusher:pong'), client.closed]);
      if ('code' in ended) {
        expect(ended).toEqual({ code: 4009, reason: 'Connection not authorized.' });
        client = await connect(server);
      }
      await bystander.expectNothing();
    }),
    { numRuns: 400 },
  );
  await client[Symbol.asyncDispose]();
});
