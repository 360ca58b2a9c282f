// Who may connect. A refusal is always: upgrade completed, error frame, close frame with the same code and text
// (websocket.md §1.1, §3.2, §11).
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client, type ConnectOptions, connect } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { clientFrame, dial, opcodes, upgradeRequest } from './support/raw-socket.ts';
import { failOnUnhandled } from './support/unhandled.ts';

failOnUnhandled();

const app = (id: string, more: object = {}) => ({ id, key: `${id}-key`, secret: `${id}-secret`, ...more });

let server: TestServer;
beforeAll(async () => {
  const apps = [
    app('off', { enabled: false }),
    app('strict', { strict: true }),
    app('one-host', { allowedOrigins: ['example.com'] }),
    app('hosts', { allowedOrigins: ['*.example.com', 'https://exact.test:8443', 'localhost'] }),
  ];
  server = await startServer({}, { apps });
});
afterAll(() => server.stop());

async function expectRefused(at: TestServer, options: ConnectOptions, code: number, reason: string): Promise<void> {
  await using client = new Client(at, options);
  expect(await client.nextText()).toBe(
    `{"event":"pusher:error","data":{"code":${code},"message":${JSON.stringify(reason)}}}`,
  );
  expect(await client.closed).toEqual({ code, reason });
}

describe('REC websocket §3.2: refuses, with an error frame and a close frame of the same code,', () => {
  test.each<[what: string, options: ConnectOptions, code: number, message: string]>([
    ['an unknown key', { key: 'nobody' }, 4001, 'Application does not exist'],
    ['the id of an app', { key: 'app-id' }, 4001, 'Application does not exist'],
    ['the key in other letters', { key: 'App-Key' }, 4001, 'Application does not exist'],
    ['__proto__ for a key', { key: '__proto__' }, 4001, 'Application does not exist'],
    ['a malformed escape for a key', { key: '%zz' }, 4001, 'Application does not exist'],
    ['a disabled app', { key: 'off-key' }, 4003, 'The app is not enabled.'],
    ['a disabled app before an old protocol', { key: 'off-key', query: 'protocol=1' }, 4003, 'The app is not enabled.'],
    [
      'an old protocol before a foreign origin',
      { key: 'hosts-key', query: 'protocol=1', origin: 'https://evil.test' },
      4007,
      'Unsupported protocol version',
    ],
  ])('%s', async (_what, options, code, message) => {
    await expectRefused(server, options, code, message);
  });
});

describe('REC websocket §1.1: of protocols', () => {
  test.each([
    'protocol=7',
    'protocol=6',
    'protocol=5',
    'protocol=4',
    'protocol=07',
    'protocol=%37',
    '',
    'client=js',
    'protocol=',
    'protocol=7&protocol=1',
  ])('%j is served', async (query) => {
    await using client = await connect(server, { query });
    await client.joined('a');
  });

  test.each([
    ['protocol=0', 4007, 'Unsupported protocol version'],
    ['protocol=1', 4007, 'Unsupported protocol version'],
    ['protocol=2', 4007, 'Unsupported protocol version'],
    ['protocol=3', 4007, 'Unsupported protocol version'],
    ['protocol=8', 4007, 'Unsupported protocol version'],
    [`protocol=${'9'.repeat(400)}`, 4007, 'Unsupported protocol version'],
    ['protocol=seven', 4006, 'Invalid version string format'],
    ['protocol=7.0', 4006, 'Invalid version string format'],
    ['protocol=-7', 4006, 'Invalid version string format'],
    ['protocol=7%00', 4006, 'Invalid version string format'],
    ['protocol=+7', 4006, 'Invalid version string format'],
    ['protocol=%D9%A7', 4006, 'Invalid version string format'],
  ])('%s is refused', async (query, code, message) => {
    await expectRefused(server, { query }, code, message);
  });

  test('a strict app refuses a client that names none', async () => {
    for (const query of ['', 'protocol=', 'client=js']) {
      await expectRefused(server, { key: 'strict-key', query }, 4008, 'No protocol version supplied');
    }
    await using _client = await connect(server, { key: 'strict-key' });
  });
});

describe('REC websocket §3.2: of origins', () => {
  test.each([
    ['app-key', 'https://anything.test'],
    ['app-key', 'null'],
    ['one-host-key', undefined],
    ['one-host-key', 'https://example.com'],
    ['one-host-key', 'http://example.com:8080'],
    ['one-host-key', 'https://EXAMPLE.com'],
    ['hosts-key', 'https://www.example.com'],
    ['hosts-key', 'https://a.b.example.com'],
    ['hosts-key', 'https://exact.test:8443'],
    ['hosts-key', 'http://localhost:3000'],
  ])('the app of %s serves %s', async (key, origin) => {
    await using _client = await connect(server, { key, ...(origin !== undefined && { origin }) });
  });

  test.each([
    ['one-host-key', 'https://www.example.com'],
    ['one-host-key', 'https://example.com.evil.test'],
    ['one-host-key', 'https://evil.test/example.com'],
    ['one-host-key', 'null'],
    ['one-host-key', 'not a url'],
    ['hosts-key', 'https://example.com'],
    ['hosts-key', 'https://evilexample.com'],
    ['hosts-key', 'http://exact.test:8443'],
    ['hosts-key', 'https://exact.test'],
    ['hosts-key', 'https://localhost.evil.test'],
  ])('the app of %s refuses %s', async (key, origin) => {
    await expectRefused(server, { key, origin }, 4009, 'Origin not allowed');
  });
});

describe('of numbers', () => {
  /** The frame that tells of a departure leaves after the departed is not counted any more. */
  async function leaveSeenBy(observer: Client, leaver: Client): Promise<void> {
    await observer.joined('presence-quota', { user_id: 'observer' });
    await leaver.joined('presence-quota', { user_id: 'leaver' });
    await leaver.leave();
    await observer.nextOf('pusher_internal:member_removed');
  }

  test('REC limits §2: a socket above the app’s quota is refused with 4004, other apps are not, and room is given again', async () => {
    await using full = await startServer({ limits: { connections: 2 } }, { apps: [app('other')] });
    await using observer = await connect(full);
    await using leaver = await connect(full);
    await expectRefused(full, {}, 4004, 'Application is over connection quota');
    await using _other = await connect(full, { key: 'other-key' });
    await leaveSeenBy(observer, leaver);
    await using _next = await connect(full);
    await expectRefused(full, {}, 4004, 'Application is over connection quota');
  });

  test('REC limits §2: a socket above the node’s capacity is refused with 4100, whatever its app', async () => {
    await using full = await startServer({}, { maxConnections: 2, apps: [app('other')] });
    await using observer = await connect(full);
    await using leaver = await connect(full);
    for (const key of ['app-key', 'other-key']) await expectRefused(full, { key }, 4100, 'Over capacity');
    await expectRefused(full, { key: 'nobody' }, 4001, 'Application does not exist');
    await leaveSeenBy(observer, leaver);
    await using _next = await connect(full, { key: 'other-key' });
  });

  test('many refused at once cost the admitted nothing', async () => {
    await using full = await startServer({ limits: { connections: 1 } });
    await using admitted = await connect(full);
    const reason = 'Application is over connection quota';
    await Promise.all(Array.from({ length: 50 }, () => expectRefused(full, {}, 4004, reason)));
    await admitted.joined('a');
    await admitted.expectNothing();
  });
});

test('acts on nothing that a refused socket sends', async () => {
  await using raw = await dial(server);
  const subscribe = clientFrame('{"event":"pusher:subscribe","data":{"channel":"a"}}');
  raw.write(
    Buffer.concat([Buffer.from(upgradeRequest('/app/nobody')), subscribe, clientFrame('', { opcode: opcodes.binary })]),
  );
  await raw.answerHead();
  expect(await raw.nextEvent()).toMatchObject({ event: 'pusher:error', data: { code: 4001 } });
  const { opcode, payload } = await raw.next();
  expect([opcode, payload.readUInt16BE(0), payload.subarray(2).toString()]).toEqual([
    8,
    4001,
    'Application does not exist',
  ]);
  raw.write(clientFrame(payload, { opcode: opcodes.close }));
  expect(await raw.rest()).toBe('');
});
