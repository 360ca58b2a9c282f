// The checklist of what real clients need from a server (client-quirks.md §10), on raw frames: the rows about the
// connection itself. The others are in quirks-frames.test.ts.
import { createHash, randomBytes } from 'node:crypto';
import { connect as connectTcp } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Client, connect } from '../support/client.ts';
import { startServer } from '../support/server.ts';

const established = { event: 'pusher:connection_established', data: expect.any(String) };
const pong = { event: 'pusher:pong', data: '{}' };

describe('quirks §10.1: protocol 5, 6, 7 and none are taken, whatever the client calls itself', () => {
  it.each([
    'protocol=7&client=js&version=8.6.0&flash=false',
    'client=java-client&protocol=5&version=2.4.4',
    'client=pusher-websocket-swift&version=10.1.5&protocol=7',
    'protocol=5&client=pusher-dotnet-client&version=2.2.1',
    'client=dart&version=1.2.3&protocol=7',
    'client=Pysher&version=1.0.7&protocol=6',
    'client=unheard-of&version=&protocol=7&more=1',
    'version=1.0',
    '',
  ])('quirks §10.1 ?%s', async (query) => {
    await using server = await startServer({ clientEvents: true });
    await using client = await connect(server, { query });
    await client.joined('private-x');
    await using other = await connect(server);
    await other.joined('private-x');
    other.send({ event: 'client-e', channel: 'private-x', data: { n: 1 } });
    expect(await client.next()).toEqual({ event: 'client-e', channel: 'private-x', data: '{"n":1}' });
  });
});

describe('quirks §10.2: connection_established comes first', () => {
  it('quirks §10.2 also before the answer to a ping that was sent on open', async () => {
    await using server = await startServer();
    await using client = new Client(server);
    client.socket.on('open', () => client.send('{"event": "pusher:ping", "data": ""}'));
    expect(await client.next()).toEqual(established);
    expect(await client.next()).toEqual(pong);
  });

  it('quirks §10.2 also before the answer to a frame in the same packet as the upgrade request', async () => {
    await using server = await startServer();
    const key = randomBytes(16).toString('base64');
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    const socket = connectTcp(server.port, '127.0.0.1');
    const head = `GET /app/${server.app.key}?protocol=7 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`;
    const text = Buffer.from('{"event":"pusher:ping"}');
    // A masked text frame, its mask all zeros.
    const frame = Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]);
    socket.write(
      Buffer.concat([Buffer.from(`${head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`), frame]),
    );
    let received = '';
    for await (const chunk of socket) {
      received += String(chunk);
      if (received.includes('pusher:pong')) break;
    }
    expect(received).toContain(accept);
    expect(received.indexOf('connection_established')).toBeGreaterThan(received.indexOf('\r\n\r\n'));
    expect(received.indexOf('pusher:pong')).toBeGreaterThan(received.indexOf('connection_established'));
  });

  it('quirks §10.2 with an activity_timeout of at least 1', async () => {
    await using server = await startServer({}, { activityTimeoutSeconds: 1 });
    await using client = new Client(server);
    expect(JSON.parse((await client.next()).data as string)).toEqual({
      socket_id: expect.stringMatching(/^\d+\.\d+$/),
      activity_timeout: 1,
    });
  });
});

describe('quirks §10.4: what ends a connection says so twice, what does not says so once', () => {
  it('quirks §10.4 fatal: error frame, then a close frame with the same code and text', async () => {
    await using server = await startServer();
    await using client = new Client(server, { key: 'unknown' });
    const { data } = await client.next();
    expect(data).toEqual({ code: 4001, message: 'Application does not exist' });
    expect(await client.closed).toEqual({ code: 4001, reason: 'Application does not exist' });
  });

  it('quirks §10.4 not fatal: error frame, and the connection goes on', async () => {
    await using server = await startServer();
    await using client = await connect(server);
    client.send('{');
    expect(await client.next()).toEqual({
      event: 'pusher:error',
      data: { code: 4200, message: 'Invalid message format' },
    });
    await client.expectNothing();
  });
});

describe.concurrent('quirks §10.6: liveness is whatever arrives', () => {
  it('quirks §10.6 an idle client is asked in both forms, and a WebSocket pong is answer enough', {
    timeout: 30_000,
  }, async ({ expect }) => {
    await using server = await startServer({}, { activityTimeoutSeconds: 1, pongTimeoutSeconds: 1 });
    // Answers WebSocket pings, as every library does by itself, and never pusher:ping: Java, Swift, .NET.
    await using client = await connect(server);
    let pings = 0;
    client.socket.on('ping', () => (pings += 1));
    // As .NET does, every second.
    await using busy = await connect(server);
    let asked = 0;
    busy.socket.on('ping', () => (asked += 1));
    const keepAlive = setInterval(() => busy.socket.ping(), 1000);
    for (const round of [1, 2]) {
      expect(await client.next()).toEqual({ event: 'pusher:ping', data: '{}' });
      expect(pings).toBe(round);
    }
    clearInterval(keepAlive);
    await client.expectNothing();
    expect(asked).toBe(0);
    await busy.expectNothing();
  });

  it('quirks §10.6 one that answers nothing is told 4201', { timeout: 30_000 }, async ({ expect }) => {
    await using server = await startServer({}, { activityTimeoutSeconds: 1, pongTimeoutSeconds: 1 });
    await using client = await connect(server);
    client.socket.pong = () => {};
    (client.socket as unknown as { _autoPong: boolean })._autoPong = false;
    expect((await client.next()).event).toBe('pusher:ping');
    expect((await client.next()).data).toEqual({ code: 4201, message: 'Pong reply not received in time' });
    expect(await client.closed).toEqual({ code: 4201, reason: 'Pong reply not received in time' });
  });
});

describe('quirks §10.7: pusher:ping is answered whatever its data', () => {
  it.each(['{"event":"pusher:ping"}', '""', '{}', 'null', '"{}"', '[1]', '7', 'true'])(
    'quirks §10.7 %s',
    async (data) => {
      await using server = await startServer();
      await using client = await connect(server);
      client.send(data.startsWith('{"event') ? data : `{"event":"pusher:ping","data":${data}}`);
      expect(await client.next()).toEqual(pong);
    },
  );
});

describe('quirks §10.11: a stopping server sends its clients away in steps', () => {
  it('quirks §10.11 4200 for all, not at once', async () => {
    await using server = await startServer({}, { shutdown: { closesPerSecond: 10, deadlineSeconds: 8 } });
    const clients = await Promise.all(Array.from({ length: 4 }, () => connect(server)));
    const closed = clients.map(async (client) => {
      const { data } = await client.nextOf('pusher:error');
      expect(await client.closed).toMatchObject({ code: 4200 });
      return { at: performance.now(), data };
    });
    await server.stop();
    const ends = await Promise.all(closed);
    const times = ends.map(({ at }) => at).sort((a, b) => a - b);
    expect(times.at(-1)! - times[0]!).toBeGreaterThan(200);
  });
});
