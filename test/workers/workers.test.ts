// fanfare start --workers as processes: one server to the outside, whichever worker serves whom.

import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { admin } from '../adapters/support/redis-node.ts';
import { api, trigger } from '../support/api.ts';
import { type Client, connect } from '../support/client.ts';
import { startRedis } from '../support/redis.ts';
import { credentials } from '../support/server.ts';
import { Running, startWorkers } from './running.ts';

const as = (id: string) => ({ user_id: id, user_info: { name: id } });

function rosterOf({ data }: { readonly data?: unknown }): string[] {
  return (JSON.parse(data as string) as { presence: { ids: string[] } }).presence.ids.sort();
}

const userOf = ({ data }: { readonly data?: unknown }) => (JSON.parse(data as string) as { user_id: string }).user_id;

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('two workers without Redis', () => {
  test('are one server: members, events, client events, users and counts cross', async () => {
    await using running = await startWorkers(2);
    const { server } = running;
    const [a, b] = (await running.connectTo(...running.workerPids)) as [Client, Client];
    expect(rosterOf(await a.joined('presence-room', as('7')))).toEqual(['7']);
    expect(rosterOf(await b.joined('presence-room', as('8')))).toEqual(['7', '8']);
    expect(userOf(await a.nextOf('pusher_internal:member_added'))).toBe('8');
    a.send({ event: 'client-typing', channel: 'presence-room', data: '{}' });
    expect(await b.next()).toEqual({ event: 'client-typing', channel: 'presence-room', data: '{}', user_id: '7' });
    const event = { name: 'news', channel: 'presence-room', data: 'first' };
    for (let request = 0; request < 4; request += 1) {
      const body = { ...event, socket_id: a.socketId };
      const headers = { connection: 'close' };
      expect((await api(server, 'POST', '/apps/app-id/events', { body, headers })).status).toBe(200);
      expect(await b.next()).toEqual({ event: 'news', channel: 'presence-room', data: 'first' });
    }
    await Promise.all([a, b].map((client) => client.expectNothing()));
    const info = { info: 'subscription_count,user_count' };
    const { json } = await api(server, 'GET', '/apps/app-id/channels/presence-room', { query: info });
    expect(json).toEqual({ occupied: true, subscription_count: 2, user_count: 2 });
    b.signIn({ id: '8' });
    await b.nextOf('pusher:signin_success');
    await api(server, 'POST', '/apps/app-id/users/8/terminate_connections', { body: {} });
    expect((await b.closed).code).toBe(4009);
    expect(userOf(await a.nextOf('pusher_internal:member_removed'))).toBe('8');
    await a.expectNothing();
    await a.leave();
  });

  test('share the work, more than two as well', async () => {
    await using running = await startWorkers(3);
    const pids = running.workerPids;
    expect(new Set([...pids, running.primaryPid]).size).toBe(4);
    const clients = await running.connectTo(...pids);
    for (const client of clients) await client.joined('room');
    await trigger(running.server, { name: 'news', channel: 'room', data: '' });
    for (const client of clients) expect(await client.nextOf('news')).toMatchObject({ channel: 'room' });
  });
});

describe('a worker that is killed', () => {
  test('is missed once by the others’ sockets, which stay, and is replaced', async () => {
    await using running = await startWorkers(2);
    const [doomedPid = 0, survivorPid = 0] = running.workerPids;
    const [mine, other] = (await running.connectTo(survivorPid, doomedPid)) as [Client, Client];
    const [both] = (await running.connectTo(survivorPid)) as [Client];
    const [sameUser] = (await running.connectTo(doomedPid)) as [Client];
    await mine.joined('presence-room', as('1'));
    await other.joined('presence-room', as('2'));
    await both.joined('presence-room', as('3'));
    await sameUser.joined('presence-room', as('3'));
    expect(userOf(await mine.nextOf('pusher_internal:member_added'))).toBe('2');
    expect(userOf(await mine.nextOf('pusher_internal:member_added'))).toBe('3');
    process.kill(doomedPid, 'SIGKILL');
    expect((await other.closed).code).toBe(1006);
    expect(await mine.next()).toMatchObject({ event: 'pusher_internal:member_removed', data: '{"user_id":"2"}' });
    const ended = await running.line(({ msg }) => msg === 'a worker ended, another one takes its place');
    expect(ended).toMatchObject({ level: 'warn', pid: running.primaryPid, workerPid: doomedPid, signal: 'SIGKILL' });
    await running.line(({ msg, pid }) => msg === 'listening' && ![doomedPid, survivorPid].includes(Number(pid)));
    const next = running.workerPids.at(-1) ?? 0;
    const [back] = (await running.connectTo(next)) as [Client];
    expect(rosterOf(await back.joined('presence-room', as('2')))).toEqual(['1', '2', '3']);
    expect(userOf(await mine.nextOf('pusher_internal:member_added'))).toBe('2');
    await mine.expectNothing();
    const info = { info: 'subscription_count,user_count' };
    const { json } = await api(running.server, 'GET', '/apps/app-id/channels/presence-room', { query: info });
    expect(json).toEqual({ occupied: true, subscription_count: 3, user_count: 3 });
  });

  test('does not keep the others from stopping, nor is it replaced then', async () => {
    await using running = await startWorkers(2);
    const [doomedPid = 0] = running.workerPids;
    process.kill(doomedPid, 'SIGKILL');
    await running.line(({ msg }) => msg === 'a worker ended, another one takes its place');
    running.program.signal('SIGTERM');
    expect(await running.exit()).toBe(0);
    expect(running.workerPids).toHaveLength(2);
  });

  test('by SIGTERM sends its sockets away first', async () => {
    await using running = await startWorkers(2);
    const [pid = 0, survivorPid = 0] = running.workerPids;
    const [client, other] = (await running.connectTo(pid, survivorPid)) as [Client, Client];
    process.kill(pid, 'SIGTERM');
    expect((await client.closed).code).toBe(4200);
    const ended = await running.line(({ msg }) => msg === 'a worker ended, another one takes its place');
    expect(ended).toMatchObject({ workerPid: pid, exitCode: 0, signal: null });
    await other.expectNothing();
  });
});

test('a worker that replaces another has the configuration the server was started with', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fanfare-workers-'));
  const file = join(folder, 'fanfare.json');
  writeFileSync(file, JSON.stringify({ host: '127.0.0.1', apps: [{ ...credentials, secret: 'hush' }] }));
  await using running = new Running(['--config', file, '--workers', '2']);
  await running.up();
  rmSync(folder, { recursive: true });
  const [doomedPid = 0] = running.workerPids;
  process.kill(doomedPid, 'SIGKILL');
  await running.line(() => running.workerPids.length === 3);
  const [client] = (await running.connectTo(running.workerPids.at(-1) ?? 0)) as [Client];
  await client.joined('room');
});

test('with Redis each worker is a node, of which the others learn that it died', async () => {
  await using redis = await startRedis();
  const { prefix, port } = redis.settings();
  using connection = admin(redis);
  const nodes = () => connection.zcard(`${prefix}{cluster}:nodes`);
  const env = { FANFARE_ADAPTER: 'redis', FANFARE_REDIS_PORT: String(port), FANFARE_REDIS_PREFIX: prefix };
  await using running = await startWorkers(2, { ...env, FANFARE_REDIS_LEASE_SECONDS: '2' });
  expect(await nodes()).toBe(2);
  const [mine, other] = (await running.connectTo(...running.workerPids)) as [Client, Client];
  await mine.joined('presence-room', as('1'));
  expect(rosterOf(await other.joined('presence-room', as('2')))).toEqual(['1', '2']);
  expect(userOf(await mine.nextOf('pusher_internal:member_added'))).toBe('2');
  process.kill(running.workerPids[1] ?? 0, 'SIGKILL');
  expect(await mine.next()).toMatchObject({ event: 'pusher_internal:member_removed', data: '{"user_id":"2"}' });
  await running.line(() => running.workerPids.length === 3);
  const [back] = (await running.connectTo(running.workerPids.at(-1) ?? 0)) as [Client];
  expect(rosterOf(await back.joined('presence-room', as('3')))).toEqual(['1', '3']);
  expect(userOf(await mine.nextOf('pusher_internal:member_added'))).toBe('3');
  await mine.expectNothing();
  running.program.signal('SIGTERM');
  expect(await running.exit()).toBe(0);
  expect(await nodes()).toBe(0);
});

describe('the end of the server', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'on %s sends all sockets away, ends with 0 and leaves nothing',
    async (signal) => {
      await using running = await startWorkers(2);
      const { workerPids } = running;
      const clients = await running.connectTo(...workerPids);
      // A terminal's Ctrl-C goes to every process, and so do the signals of some supervisors.
      for (const pid of workerPids) process.kill(pid, signal);
      running.program.signal(signal);
      for (const client of clients) expect((await client.closed).code).toBe(4200);
      expect(await running.exit()).toBe(0);
      expect(workerPids.filter(isAlive)).toEqual([]);
      expect(running.logged.filter(({ level }) => level !== 'info' && level !== 'debug')).toEqual([]);
    },
  );

  test('a second signal ends every process at once, although a request is in flight', async () => {
    await using running = await startWorkers(2);
    const socket = connectTcp(running.server.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('POST /apps/1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n');
    await once(socket, 'data');
    running.program.signal('SIGTERM');
    for (const pid of running.workerPids) await running.line((line) => line.msg === 'stopping' && line.pid === pid);
    running.program.signal('SIGTERM');
    expect(await running.exit()).toBe(143);
    socket.destroy();
  });

  test('a worker that does not stop in time is killed', async () => {
    await using running = await startWorkers(2, { FANFARE_SHUTDOWN_DEADLINE_SECONDS: '1' });
    const [pid = 0] = running.workerPids;
    process.kill(pid, 'SIGSTOP');
    running.program.signal('SIGTERM');
    const killed = await running.line(({ msg }) => msg === 'a worker did not stop in time and is killed');
    expect(killed).toMatchObject({ level: 'warn', workerPid: pid });
    expect(await running.exit()).toBe(0);
  });

  test('workers whose primary is killed send their sockets away and end', async () => {
    await using running = await startWorkers(2);
    const clients = await running.connectTo(...running.workerPids);
    for (const client of clients) await client.joined('presence-room', as('7'));
    running.program.signal('SIGKILL');
    for (const client of clients) expect((await client.closed).code).toBe(4200);
    expect(await running.exit()).toBe(null);
    const errors = running.logged.filter(({ level }) => level === 'error').map(({ msg }) => msg);
    expect(errors).toEqual(Array(2).fill('the primary process is gone, and its workers end'));
  });
});

describe('the start', () => {
  /** What the program prints and its exit code, all processes gone. */
  async function outcome(...args: string[]): Promise<readonly [number | null, string]> {
    await using running = new Running(args, { FANFARE_LOG_LEVEL: 'info' });
    return [await running.exit(), running.program.printed];
  }

  test('fails once, as without workers, when the port is taken', async () => {
    await using taken = await startWorkers(2);
    const { port } = taken.server;
    const options = ['--dev', '--port', String(port)];
    const failure = `fanfare: port ${port} is already in use: choose another with --port or FANFARE_PORT\n`;
    expect(await outcome(...options)).toEqual([1, failure]);
    expect(await outcome(...options, '--workers', '3')).toEqual([1, failure]);
    const client = await connect(taken.server);
    await client.expectNothing();
    await client.leave();
  }, 60_000);

  test('fails once, as without workers, when the machine does not have the address', async () => {
    const options = ['--dev', '--host', '192.0.2.1'];
    const failure =
      'fanfare: this machine does not have the address 192.0.2.1: choose another with --host or FANFARE_HOST\n';
    expect(await outcome(...options)).toEqual([1, failure]);
    expect(await outcome(...options, '--workers', '2')).toEqual([1, failure]);
  });

  test.each([
    ['0', 'must be 1 or more, got 0'],
    ['257', 'must be 256 or less, got 257'],
    ['100000', 'must be 256 or less, got 100000'],
    ['x', 'expected auto or a whole number from 1 to 256, got "x"'],
    ['1.5', 'expected auto or a whole number from 1 to 256, got 1.5'],
  ])('is refused with --workers %s', async (workers, mistake) => {
    const head = 'fanfare: the configuration has a mistake, so nothing was started:';
    expect(await outcome('--dev', '--workers', workers)).toEqual([78, `${head}\n  workers (--workers): ${mistake}\n`]);
  });

  test('with --workers auto runs one for each core', async () => {
    await using running = new Running(['--dev', '--workers', 'auto']);
    await running.program.line(/Fanfare is ready/);
    await running.line(() => running.workerPids.length === availableParallelism());
    expect(new Set(running.workerPids).size).toBe(availableParallelism());
    running.program.signal('SIGTERM');
    expect(await running.exit()).toBe(0);
  });

  test('with --workers 1 has no process beside it', async () => {
    await using running = new Running(['--dev', '--workers', '1']);
    await running.program.line(/Fanfare is ready/);
    expect(running.workerPids).toEqual([running.primaryPid]);
    running.program.signal('SIGTERM');
    expect(await running.exit()).toBe(0);
  });
});
