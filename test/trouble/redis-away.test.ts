// Redis that is gone, stands still, or comes back empty, under servers with sockets and traffic: nothing is said to be
// published that was not, nobody is thrown out before it is worth it, and all is back when Redis is.
import { describe, expect, test, vi } from 'vitest';
import { textFrame } from '../../src/protocol/frame.ts';
import { admin } from '../adapters/support/redis-node.ts';
import { api, trigger } from '../support/api.ts';
import { Client, connect } from '../support/client.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startServer } from '../support/server.ts';
import { bothReady, isMessage, joinRoom, ROOM, type Servers, ticks, traffic, usersOf } from './support/traffic.ts';

const DROPPED =
  'a message that is not from Fanfare, or not signed with our busSecret, was dropped; more are only counted';
const LOST = 'the connection to Redis was lost';

interface Pair extends AsyncDisposable {
  readonly redis: TestRedis;
  readonly servers: Servers;
}

async function startPair(leaseSeconds = 10, settings: object = {}): Promise<Pair> {
  const redis = await startRedis('--enable-debug-command', 'yes');
  const config = { adapter: 'redis', redis: { ...redis.settings(), leaseSeconds, ...settings } } as const;
  const app = { clientEvents: true };
  const servers = [await startServer(app, config), await startServer(app, config)] as const;
  const dispose = async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await redis[Symbol.asyncDispose]();
  };
  return { redis, servers, [Symbol.asyncDispose]: dispose };
}

describe('Redis that is killed', () => {
  test('takes nothing with it but the traffic meanwhile: sockets stay, and all is back when it is', async () => {
    await using pair = await startPair();
    const { redis, servers } = pair;
    const clients = await joinRoom(servers);
    const flow = traffic(servers[0]);
    const lost = Promise.all(servers.map((server) => server.line(isMessage(LOST))));
    await redis.kill();
    await lost;

    for (const server of servers) {
      const answer = await fetch(`${server.url}/ready`);
      expect([answer.status, await answer.text()]).toEqual([503, 'Redis cannot be reached.']);
      expect(answer.headers.get('retry-after')).toBe('1');
      expect((await fetch(`${server.url}/health`)).status).toBe(200);
      const list = await api(server, 'GET', `/apps/${server.app.id}/channels`);
      expect([list.status, list.headers.get('retry-after')]).toEqual([503, '2']);
    }
    const [one, two] = clients;
    one.send({ event: 'client-typing', channel: ROOM, data: '{}' });
    expect((await one.nextOf('pusher:error')).data).toMatchObject({ code: 4301 });
    two.subscribe('other');
    expect((await two.nextOf('pusher:subscription_error')).channel).toBe('other');
    expect((await new Client(servers[0]).closed).code).toBe(4100);

    await redis.start();
    const backAtMs = performance.now();
    await bothReady(servers);
    expect(performance.now() - backAtMs).toBeLessThan(5000);
    expect((await two.closed).code).toBe(4200);
    await using again = await connect(servers[1]);
    await again.joined(ROOM, { user_id: '2' });
    await again.joined('other');
    for (const server of servers) expect(await usersOf(server)).toEqual(['1', '2']);
    const { ok, statuses } = await flow.stop();
    expect(statuses).toEqual(new Set([200, 503]));
    expect((await ticks(servers[1], one)).numbers).toEqual(ok);
    await one.expectNothing();
    await one.leave();
  });
});

describe('Redis that stands still', () => {
  test('for 30 seconds, longer than the lease: sockets are sent away, nothing is said to be published, all is back', async () => {
    await using pair = await startPair();
    const { redis, servers } = pair;
    const [one, two] = await joinRoom(servers);
    const flow = traffic(servers[0]);
    using connection = admin(redis);
    await Promise.all([connection.call('DEBUG', 'SLEEP', '30'), one.closed, two.closed]);
    expect([(await one.closed).code, (await two.closed).code]).toEqual([4200, 4200]);
    const backAtMs = performance.now();
    await bothReady(servers);
    expect(performance.now() - backAtMs).toBeLessThan(5000);
    const { statuses } = await flow.stop();
    expect(statuses).toEqual(new Set([200, 503]));
    for (const server of servers) {
      await vi.waitUntil(async () => (await usersOf(server)).length === 0);
      expect((await api(server, 'GET', `/apps/${server.app.id}/connections`)).json).toEqual({ connections: 0 });
      await using client = await connect(server);
      await client.joined(ROOM, { user_id: '3' });
      await trigger(servers[0], { name: 'after', channel: ROOM, data: '' });
      await client.nextOf('after');
      await client.leave();
    }
  }, 60_000);

  test.each([true, false])('closes sockets after the lease only where it is told to: %s', async (closeWhenLost) => {
    await using pair = await startPair(2, { closeWhenLost });
    const { redis, servers } = pair;
    const [one, two] = await joinRoom(servers);
    let closed = 0;
    for (const client of [one, two]) void client.closed.then(() => (closed += 1));
    redis.signal('SIGSTOP');
    const out = 'Redis could not be reached for longer than the lease: this server is out of the cluster';
    await Promise.all(servers.map((server) => server.line(isMessage(out))));
    if (closeWhenLost) {
      for (const client of [one, two]) expect((await client.closed).code).toBe(4200);
      expect((await new Client(servers[0]).closed).code).toBe(4100);
    }
    redis.signal('SIGCONT');
    await bothReady(servers);
    if (closeWhenLost) return;
    expect(closed).toBe(0);
    for (const server of servers) expect(await usersOf(server)).toEqual(['1', '2']);
    await trigger(servers[0], { name: 'after', channel: ROOM, data: '' });
    for (const client of [one, two]) {
      await client.nextOf('after');
      await client.leave();
    }
  });
});

describe('Redis that loses everything', () => {
  test('is told again by all servers, and no client hears a word of it', async () => {
    await using pair = await startPair(2);
    const { redis, servers } = pair;
    const clients = await joinRoom(servers);
    const flow = traffic(servers[0]);
    using connection = admin(redis);
    const again = servers.map((server) => server.line(isMessage('registered in Redis again')));
    await connection.flushall();
    const emptyAtMs = performance.now();
    await Promise.all(again);
    expect(performance.now() - emptyAtMs).toBeLessThan(5000);
    for (const server of servers) {
      expect(await usersOf(server)).toEqual(['1', '2']);
      expect((await api(server, 'GET', `/apps/${server.app.id}/connections`)).json).toEqual({ connections: 2 });
    }
    const { ok, statuses } = await flow.stop();
    expect(statuses).toEqual(new Set([200]));
    for (const client of clients) expect(await ticks(servers[1], client)).toEqual({ numbers: ok, others: [] });
    await clients[0].leave();
    expect((await clients[1].nextOf('pusher_internal:member_removed')).data).toBe('{"user_id":"1"}');
    await clients[1].leave();
  });
});

describe('Redis that others use too', () => {
  test('keeps nothing of a deployment that died for ever: every key has an end', async () => {
    await using pair = await startPair();
    const { redis, servers } = pair;
    const clients = await joinRoom(servers);
    clients[0].signIn({ id: '1' });
    await clients[0].nextOf('pusher:signin_success');
    await clients[0].joined('cache-news');
    await trigger(servers[0], { name: 'e', channel: 'cache-news', data: '1' });
    const path = `/apps/${servers[0].app.id}/users/9/channels/${ROOM}/unsubscribe`;
    expect((await api(servers[0], 'POST', path, { body: { deny_seconds: 60 } })).status).toBe(200);
    using connection = admin(redis);
    const keys = await connection.keys('*');
    expect(keys.length).toBeGreaterThan(12);
    const immortal = [];
    for (const key of keys) if ((await connection.ttl(key)) < 0) immortal.push(key);
    expect(immortal).toEqual([]);
    for (const client of clients) await client.leave();
  });

  test('cannot be made to break sockets: what is no message is counted, logged once and dropped', async () => {
    await using pair = await startPair();
    const { redis, servers } = pair;
    const [one, two] = await joinRoom(servers);
    using connection = admin(redis);
    const channels = (await connection.pubsub('CHANNELS', '*')) as string[];
    const room = channels.find((name) => name.endsWith(`/c/${ROOM}`)) ?? '';
    for (const bad of ['frame\nnot a frame', '{}', 'frame\n', '']) await connection.publish(room, bad);
    await servers[0].line(isMessage(DROPPED));
    expect(await ticks(servers[0], one)).toEqual({ numbers: [], others: [] });
    for (const { logged } of servers) expect(logged.filter(isMessage(DROPPED))).toHaveLength(1);
    const stats = await api(servers[0], 'GET', '/stats');
    expect(stats.json).toMatchObject({ malformed: 4 });
    for (const client of [one, two]) await client.leave();
  });

  test('cannot speak for the servers where they share a secret', async () => {
    await using pair = await startPair(10, { busSecret: 'a secret of this cluster' });
    const { redis, servers } = pair;
    const [one, two] = await joinRoom(servers);
    using connection = admin(redis);
    const channels = (await connection.pubsub('CHANNELS', '*')) as string[];
    const room = channels.find((name) => name.endsWith(`/c/${ROOM}`)) ?? '';
    const forged = textFrame('{"event":"forged"}');
    await connection.publish(room, Buffer.concat([Buffer.from('frame\n'), forged]));
    expect(await ticks(servers[1], one)).toEqual({ numbers: [], others: [] });
    await two.leave();
    expect((await one.nextOf('pusher_internal:member_removed')).data).toBe('{"user_id":"2"}');
    await one.leave();
  });
});
