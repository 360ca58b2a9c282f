// What becomes a WebSocket, and what is answered as HTTP (websocket.md §1, §11).
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client, connect } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { clientFrame, dial, opcodes, upgradeRequest } from './support/raw-socket.ts';
import { failOnUnhandled } from './support/unhandled.ts';

failOnUnhandled();

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

async function answerTo(target: string, headers: Record<string, string> = {}, at = server): Promise<string> {
  await using raw = await dial(at);
  raw.write(upgradeRequest(target, headers));
  return await raw.answerHead();
}

test.each([
  '/app/app-key',
  '/app/app-key/',
  '/app/app-key?protocol=7&client=js&version=8.4.0&flash=false',
  '/app/app-key?flash=false&version=1&client=dart&protocol=7',
  '/app/app-key?protocol=7&unknown=%zz&&=',
])('completes the upgrade on %s', async (target) => {
  const head = await answerTo(target);
  expect(head).toMatch(/^HTTP\/1\.1 101 /);
  expect(head).toMatch(/sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/i);
});

test('negotiates no compression: frames are built once for all', async () => {
  const head = await answerTo('/app/app-key', { 'sec-websocket-extensions': 'permessage-deflate' });
  expect(head).toMatch(/^HTTP\/1\.1 101 /);
  expect(head).not.toMatch(/sec-websocket-extensions/i);
});

test.each([
  '/',
  '/app',
  '/app/',
  '/app//',
  '/app/app-key/more',
  '/App/app-key',
  '/apps/app-id/events',
  '/up',
  '/ws/app/app-key',
  '/pusher/app/app-key/1/abc/xhr_streaming',
  '/%61pp/app-key',
])(
  'REC websocket §11: answers 404 before the upgrade on the foreign path %s, and ends the connection',
  async (target) => {
    await using raw = await dial(server);
    raw.write(upgradeRequest(target));
    const answer = await raw.rest();
    expect(answer).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/);
    expect(answer).toMatch(/\r\n\r\nNot found\.$/);
  },
);

test('ends the connection of a peer that keeps its half open after a 404', async () => {
  await using raw = await dial(server);
  raw.socket.allowHalfOpen = true;
  raw.write(upgradeRequest('/nothing'));
  await raw.answerHead();
  const writeOn = () => raw.socket.write('still here', (err) => err || setImmediate(writeOn));
  raw.socket.on('end', writeOn);
  await raw.closed;
});

test.each<[what: string, headers: Record<string, string>, status: number]>([
  ['another protocol', { upgrade: 'h2c' }, 404],
  ['no key', { 'sec-websocket-key': '' }, 400],
  ['a short key', { 'sec-websocket-key': 'abc' }, 400],
  ['an unknown version', { 'sec-websocket-version': '99' }, 400],
  ['a malformed subprotocol', { 'sec-websocket-protocol': ',' }, 400],
])('refuses a handshake with %s as HTTP', async (_what, headers, status) => {
  const head = await answerTo('/app/app-key', headers);
  expect(Number(head.slice(9, 12))).toBe(status);
});

describe.each(['/ws', '/a/b'])('with the path prefix %s', (path) => {
  test('REC websocket §1: serves sockets with the prefix, and without where a proxy took it off', async () => {
    await using prefixed = await startServer({}, { path });
    await using one = await connect(prefixed);
    await using two = await connect(prefixed, { path: '' });
    for (const client of [one, two]) await client.joined('a');
    for (const target of [`${path}x/app/app-key`, `/x${path}/app/app-key`, `${path}${path}/app/app-key`, path]) {
      expect(await answerTo(target, {}, prefixed)).toMatch(/^HTTP\/1\.1 404 /);
    }
  });
});

describe('establishment', () => {
  test('the first frame has a fresh socket id and the configured activity timeout', async () => {
    await using patient = await startServer({}, { activityTimeoutSeconds: 77 });
    const ids = new Set<string>();
    for (let n = 0; n < 20; n += 1) {
      await using client = new Client(patient);
      const { event, data, channel } = await client.next();
      expect([event, channel]).toEqual(['pusher:connection_established', undefined]);
      const { socket_id, activity_timeout } = JSON.parse(data as string);
      expect(activity_timeout).toBe(77);
      expect(socket_id).toMatch(/^\d+\.\d+$/);
      ids.add(socket_id);
    }
    expect(ids.size).toBe(20);
  });

  test('answers what was sent together with the upgrade request after it, in order', async () => {
    await using raw = await dial(server);
    const subscribe = '{"event":"pusher:subscribe","data":{"channel":"early"}}';
    const sent = ['{"event":"pusher:ping","data":""}', subscribe, '{"event":"pusher:ping"}'].map((text) =>
      clientFrame(text),
    );
    raw.write(Buffer.concat([Buffer.from(upgradeRequest('/app/app-key?protocol=6&client=Pysher')), ...sent]));
    await raw.answerHead();
    const events = [];
    for (let n = 0; n < 4; n += 1) events.push((await raw.nextEvent()).event);
    expect(events).toEqual([
      'pusher:connection_established',
      'pusher:pong',
      'pusher_internal:subscription_succeeded',
      'pusher:pong',
    ]);
  });

  test('answers a WebSocket ping that was sent together with the upgrade request', async () => {
    await using raw = await dial(server);
    raw.write(
      Buffer.concat([Buffer.from(upgradeRequest('/app/app-key')), clientFrame('now', { opcode: opcodes.ping })]),
    );
    await raw.answerHead();
    const frames = [await raw.next(), await raw.next()];
    expect(frames.map(({ opcode }) => opcode).sort()).toEqual([opcodes.text, opcodes.pong]);
    expect(frames.find(({ opcode }) => opcode === opcodes.pong)?.payload.toString()).toBe('now');
  });
});
