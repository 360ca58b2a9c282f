// Members who come and go while a server does not hear the others, or Redis has lost everything: whoever stayed knows in
// the end who is there.
import { expect, test, vi } from 'vitest';
import { admin } from '../adapters/support/redis-node.ts';
import { type Client, connect, type Frame } from '../support/client.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { isMessage, ROOM, usersOf } from './support/traffic.ts';

interface Pair extends AsyncDisposable {
  readonly redis: TestRedis;
  readonly servers: readonly [TestServer, TestServer];
}

async function startPair(leaseSeconds: number): Promise<Pair> {
  const redis = await startRedis();
  const config = { adapter: 'redis', redis: { ...redis.settings(), leaseSeconds } } as const;
  const servers = [await startServer({}, config), await startServer({}, config)] as const;
  const dispose = async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await redis[Symbol.asyncDispose]();
  };
  return { redis, servers, [Symbol.asyncDispose]: dispose };
}

async function member(server: TestServer, id: string): Promise<Client> {
  const client = await connect(server);
  await client.joined(ROOM, { user_id: id });
  return client;
}

/** Two who stay, one on each server, and one who is to leave the first; all know of each other. */
async function room({ servers: [one, two] }: Pair): Promise<[a: Client, b: Client, leaver: Client]> {
  const a = await member(one, 'a');
  const b = await member(two, 'b');
  const leaver = await member(one, 'leaver');
  for (const id of ['b', 'leaver']) expect(userOf(await a.nextOf('pusher_internal:member_added'))).toBe(id);
  expect(userOf(await b.nextOf('pusher_internal:member_added'))).toBe('leaver');
  return [a, b, leaver];
}

const userOf = ({ data }: Frame) => (JSON.parse(data as string) as { user_id: string }).user_id;

const nextRemoved = async (client: Client) => userOf(await client.nextOf('pusher_internal:member_removed'));

async function heardOfLeave(...clients: readonly Client[]): Promise<void> {
  for (const client of clients) expect(await nextRemoved(client)).toBe('leaver');
}

test('a member leaves as the connections that listen are cut: everybody is told, once', async () => {
  await using pair = await startPair(10);
  const [a, b, leaver] = await room(pair);
  using connection = admin(pair.redis);
  const heard = Promise.all(pair.servers.map((server) => server.line(isMessage('listening to Redis again'))));
  const left = connection.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await leaver.leave();
  await left;
  await heard;
  await heardOfLeave(a, b);
  for (const client of [a, b]) {
    await client.expectNothing();
    await client.leave();
  }
});

test('a member leaves while Redis stands still: everybody is told', async () => {
  await using pair = await startPair(10);
  const [a, b, leaver] = await room(pair);
  const lost = Promise.all(pair.servers.map((s) => s.line(isMessage('the connection to Redis was lost'))));
  pair.redis.signal('SIGSTOP');
  await lost;
  await leaver.leave();
  pair.redis.signal('SIGCONT');
  await heardOfLeave(a, b);
  for (const client of [a, b]) await client.leave();
});

test('Redis loses everything as one leaves and one joins: the latter is told to come anew, and all know all', async () => {
  await using pair = await startPair(2);
  const { redis, servers } = pair;
  const [a, b, leaver] = await room(pair);
  using connection = admin(redis);
  await connection.flushall();
  await leaver.leave();
  const joiner = await member(servers[0], 'joiner');
  expect(await joiner.closed).toMatchObject({ code: 4200 });
  for (const client of [a, b]) {
    const removed = [await nextRemoved(client), await nextRemoved(client)];
    expect(removed.sort()).toEqual(['joiner', 'leaver']);
  }
  const again = await member(servers[0], 'again');
  for (const server of servers) {
    await vi.waitUntil(async () => (await usersOf(server)).length === 3);
    expect(await usersOf(server)).toEqual(['a', 'again', 'b']);
  }
  for (const client of [a, b, again]) await client.leave();
});

test('Redis comes back empty, and one left meanwhile: everybody is told', async () => {
  await using pair = await startPair(2);
  const { redis, servers } = pair;
  const [a, b, leaver] = await room(pair);
  const lost = Promise.all(servers.map((server) => server.line(isMessage('the connection to Redis was lost'))));
  await redis.kill();
  await lost;
  await leaver.leave();
  await redis.start();
  await heardOfLeave(a, b);
  for (const client of [a, b]) await client.leave();
});
