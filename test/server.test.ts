// Start and stop of a whole server, and what its log says meanwhile.
import { describe, expect, test } from 'vitest';
import { head, openHttp } from './http/support/raw-http.ts';
import { api, signed, trigger } from './support/api.ts';
import { Client, connect } from './support/client.ts';
import { startServer, type TestServer } from './support/server.ts';
import { clientFrame, dial, openRaw, upgradeRequest } from './ws/support/raw-socket.ts';
import { failOnUnhandled } from './ws/support/unhandled.ts';

failOnUnhandled();

const CLOSING = 'Server is closing. Please reconnect shortly.';
const WARN = 40;
const alarming = (server: TestServer) => server.logged.filter(({ level }) => Number(level) >= WARN);

async function secondsOf(work: Promise<void>): Promise<number> {
  const start = performance.now();
  await work;
  return (performance.now() - start) / 1000;
}

describe('start', () => {
  test('on a port that is taken rejects with EADDRINUSE, and leaves nothing running', async () => {
    const listening = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap').length;
    await using first = await startServer();
    const before = listening();
    await expect(startServer({}, { port: first.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    // A handle that was closed is gone some turns later; one that was not would be there for ever.
    while (listening() > before) await new Promise((resolve) => setImmediate(resolve));
    await using client = await connect(first);
    await client.expectNothing();
    await first.stop();
    await using second = await startServer({}, { port: first.port });
    expect(second.port).toBe(first.port);
  });

  test('on a host that is not this machine’s rejects', async () => {
    await expect(startServer({}, { host: '192.0.2.1' })).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
  });
});

describe('stop', () => {
  test('says no to readiness and new sockets while the others are sent away in steps', async () => {
    const server = await startServer({}, { shutdown: { closesPerSecond: 10 } });
    const clients = await Promise.all(Array.from({ length: 10 }, () => connect(server)));
    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
    const stopped = server.stop();
    await Promise.race(clients.map((client) => client.closed));

    const ready = await fetch(`${server.url}/ready`);
    expect([ready.status, ready.headers.get('retry-after'), await ready.text()]).toEqual([
      503,
      '1',
      'Server is closing.',
    ]);
    await using late = new Client(server);
    expect(await late.next()).toEqual({ event: 'pusher:error', data: { code: 4100, message: CLOSING } });
    expect(await late.closed).toEqual({ code: 4100, reason: CLOSING });
    for (const path of ['/up', '/health']) expect((await fetch(server.url + path)).status).toBe(200);
    expect((await trigger(server, { name: 'e', channel: 'a', data: 'x' })).text).toBe('{}');

    for (const client of clients) {
      expect(await client.next()).toEqual({ event: 'pusher:error', data: { code: 4200, message: CLOSING } });
      expect(await client.closed).toEqual({ code: 4200, reason: CLOSING });
    }
    await stopped;
    expect(alarming(server)).toEqual([]);
    await expect(fetch(`${server.url}/up`)).rejects.toThrow();
  });

  test('sends what was published before it, then the error, then the close', async () => {
    const server = await startServer();
    await using client = await connect(server);
    await client.joined('a');
    const answers = Promise.all([1, 2, 3].map((n) => trigger(server, { name: 'e', channel: 'a', data: String(n) })));
    await answers;
    const stopped = server.stop();
    for (const event of ['e', 'e', 'e', 'pusher:error']) expect(await client.next()).toMatchObject({ event });
    expect((await client.closed).code).toBe(4200);
    await stopped;
  });

  test('answers a request whose body is still being sent, and does not wait longer than for that', async () => {
    const server = await startServer({}, { shutdown: { deadlineSeconds: 15 } });
    await using http = await openHttp(server);
    const body = '{"name":"e","channel":"a","data":"x"}';
    await http.write(
      head('POST', signed('POST', '/apps/app-id/events', body), { 'content-length': body.length }) + body.slice(0, 9),
    );
    await using idle = await openHttp(server);
    await idle.write(head('GET', '/up'));
    expect((await idle.next()).status).toBe(200);
    const stopped = server.stop();
    await idle.closed;
    await http.write(body.slice(9));
    expect(await http.next()).toMatchObject({ status: 200, text: '{}', headers: { connection: 'close' } });
    expect(await secondsOf(stopped)).toBeLessThan(5);
  });

  test('is done within its deadline whatever peers do not do', async () => {
    const server = await startServer({ limits: { payloadBytes: 1_000_000 } }, { shutdown: { deadlineSeconds: 1 } });
    await using unanswering = await openRaw(server);
    await using unreading = await openRaw(server);
    unreading.socket.pause();
    await using halfOpen = await dial(server);
    halfOpen.write(upgradeRequest('/nothing'));
    await using halfSent = await openHttp(server);
    await halfSent.write(head('POST', signed('POST', '/apps/app-id/events', '{}'), { 'content-length': 2 }));
    await using silent = await openHttp(server);
    await using refused = await dial(server);
    refused.write(upgradeRequest('/app/nobody'));
    await refused.answerHead();
    expect((await api(server, 'GET', '/apps/app-id/connections')).text).toBe('{"connections":2}');
    expect(await secondsOf(server.stop())).toBeLessThan(3);
    expect(await unanswering.nextCloseCode()).toBe(4200);
    await Promise.all([halfSent.closed, silent.closed, halfOpen.closed]);
    expect(alarming(server)).toEqual([]);
  });

  test('is the same promise however often it is asked for', async () => {
    const server = await startServer();
    await using _client = await connect(server);
    const stopped = server.stop();
    expect(server.stop()).toBe(stopped);
    await stopped;
    expect(server.stop()).toBe(stopped);
    expect(server.logged.map(({ msg }) => msg).filter((msg) => /^(listening|stopp)/.test(String(msg)))).toEqual([
      'listening',
      'stopping',
      'stopped',
    ]);
  });

  test('sends away a socket that arrives in the middle of it', async () => {
    const server = await startServer();
    const arriving = Array.from({ length: 20 }, () => new Client(server));
    await Promise.race(arriving.map((client) => client.next()));
    const seconds = secondsOf(server.stop());
    for (const client of arriving) expect((await client.closed).code).toBeOneOf([4100, 4200]);
    expect(await seconds).toBeLessThan(5);
  });
});

describe('the log', () => {
  test('has nothing of warn or above, and nothing at info, for 200 sockets that come and go', async () => {
    await using server = await startServer();
    const lines = server.logged.length;
    for (let round = 0; round < 10; round += 1) {
      const clients = await Promise.all(Array.from({ length: 20 }, () => connect(server)));
      await Promise.all(clients.map((client) => client.joined('presence-a', { user_id: client.socketId })));
      await Promise.all(
        clients.map(async (client, n) => (n % 2 === 0 ? client.leave() : client[Symbol.asyncDispose]())),
      );
      for (const { socketId } of clients) {
        const { level } = await server.line(({ msg, socketId: id }) => msg === 'connection closed' && id === socketId);
        expect(level).toBe(20);
      }
    }
    const levels = new Set(server.logged.slice(lines).map(({ level }) => level));
    expect([...levels].sort()).toEqual([10, 20]);
  });

  test('never has a secret, signature, token, event data or channel_data in it, at any level', async () => {
    const secret = 'MARK-secret';
    const server = await startServer({ secret, clientEvents: true, watchlists: true });
    await using one = await connect(server, {
      query: 'protocol=7&client=MARK-query',
      origin: 'https://MARK-origin.test',
    });
    await using two = await connect(server);
    for (const client of [one, two]) {
      await client.joined('presence-a', { user_id: client.socketId, user_info: { email: 'MARK-info' } });
      client.signIn({ id: client.socketId, user_info: 'MARK-user', watchlist: ['MARK-watched'] });
      await client.nextOf('pusher_internal:watchlist_events');
      await client.joined('private-encrypted-cache-a');
    }
    one.send({ event: 'client-MARK-event', channel: 'presence-a', data: 'MARK-client-data' });
    await two.nextOf('client-MARK-event');
    const bad = [
      {
        event: 'pusher:subscribe',
        data: { channel: 'private-b', auth: 'app-key:MARK-auth', channel_data: 'MARK-data' },
      },
      {
        event: 'pusher:subscribe',
        data: { channel: 'presence-b', auth: 'MARK-auth', channel_data: '{"user_id":"MARK"}' },
      },
      { event: 'client-x', channel: 'private-c', data: 'MARK-refused' },
      { event: 'pusher:MARK-unknown', data: 'MARK-unknown' },
      'MARK-no-json',
      Buffer.from('MARK-binary'),
      { event: 'pusher:signin', data: { auth: 'app-key:MARK-signin', user_data: '{"id":"MARK-id"}' } },
    ];
    for (const message of bad) one.send(message);
    await one.closed;
    await using raw = await openRaw(server);
    raw.write(clientFrame('MARK-unmasked', { masked: false }));
    await raw.nextCloseCode();

    const events = '/apps/app-id/events';
    const event = { name: 'MARK-name', channel: 'private-encrypted-cache-a', data: 'MARK-published' };
    const requests = [
      { secret, body: event },
      { secret, body: { batch: [event] } },
      { secret, body: { ...event, data: 'MARK-large'.repeat(2000) } },
      { secret, body: 'MARK-no-json' },
      { secret, body: { ...event, socket_id: 'MARK-socket' } },
      { secret: 'MARK-wrong', body: event },
      { secret, body: event, query: { auth_signature: 'MARK-signature', auth_key: 'app-key' } },
      { secret, body: event, query: { auth_key: 'MARK-key' } },
      { secret, body: event, headers: { authorization: 'Bearer MARK-bearer', cookie: 'MARK-cookie=1' } },
    ];
    for (const request of requests) await api(server, 'POST', events, request);
    await api(server, 'GET', '/MARK-path', { secret });
    await using http = await openHttp(server);
    await http.write(head('POST', `${events}?auth_key=app-key`, { 'content-length': 100 }));
    await http.write('MARK-half');
    await api(server, 'POST', `/apps/app-id/users/${two.socketId}/terminate_connections`, { secret, body: '{}' });
    await two.closed;
    await http[Symbol.asyncDispose]();
    await server.stop();

    expect(server.logged.map(({ msg }) => msg)).toContain('subscribed');
    expect(server.logged.filter((line) => JSON.stringify(line).includes('MARK'))).toEqual([]);
    expect(alarming(server)).toEqual([]);
  });
});
