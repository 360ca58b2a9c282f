// A server that dies without a word, or stands still for a while: what its sockets held is gone for everybody once, and
// is there again when it was not dead after all.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { api, trigger } from '../support/api.ts';
import { type Client, connect } from '../support/client.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startServer } from '../support/server.ts';
import { startProcess } from './support/process-node.ts';

const app = { limits: { presenceMembers: 5000 }, subscriptionCount: false } as const;
const ROOM = 'presence-room';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());

const as = (id: string) => ({ user_id: id });
const userIn = (data: unknown) => (JSON.parse(data as string) as { user_id: string }).user_id;

/** Opens many sockets, some at a time. */
async function connectMany(server: Parameters<typeof connect>[0], count: number): Promise<Client[]> {
  const clients: Client[] = [];
  while (clients.length < count) {
    const some = Math.min(50, count - clients.length);
    clients.push(...(await Promise.all(Array.from({ length: some }, () => connect(server)))));
  }
  return clients;
}

/** The announcements of the room up to an event that is triggered now: "+user" and "-user". */
async function announced(via: Parameters<typeof trigger>[0], client: Client): Promise<string[]> {
  expect((await trigger(via, { name: 'fence', channel: ROOM, data: '' })).status).toBe(200);
  const seen: string[] = [];
  for (;;) {
    const { event, data } = await client.next();
    if (event === 'fence') return seen;
    if (event === 'pusher_internal:member_added') seen.push(`+${userIn(data)}`);
    if (event === 'pusher_internal:member_removed') seen.push(`-${userIn(data)}`);
  }
}

/** Waits for this many departures. */
async function removals(client: Client, count: number): Promise<string[]> {
  const removed: string[] = [];
  while (removed.length < count) removed.push(userIn((await client.nextOf('pusher_internal:member_removed')).data));
  return removed.sort();
}

async function usersOf(server: Parameters<typeof trigger>[0]): Promise<string[]> {
  const { json } = await api(server, 'GET', `/apps/${server.app.id}/channels/${ROOM}/users`);
  return (json as { users: { id: string }[] }).users.map(({ id }) => id).sort();
}

describe('a server that is killed', () => {
  test('with 1,000 members: all are removed once, by whichever of the others, but for those who came back', async () => {
    const config = { adapter: 'redis', redis: redis.settings() } as const;
    await using b = await startServer(app, config);
    await using c = await startServer(app, config);
    await using dying = await startProcess(app, config);
    await using onB = await connect(b);
    await using onC = await connect(c);
    for (const watcher of [onB, onC]) await watcher.joined(ROOM, as('watcher'));

    const members = await connectMany(dying, 1000);
    await Promise.all(members.map((member, index) => member.joined(ROOM, as(`u${index}`))));
    expect(await usersOf(b)).toHaveLength(1001);
    for (const watcher of [onB, onC]) expect(await announced(b, watcher).then((seen) => seen.length)).toBe(1000);

    dying.signal('SIGKILL');
    const back = await connectMany(b, 10);
    await Promise.all(back.map((member, index) => member.joined(ROOM, as(`u${index}`))));
    const gone = Array.from({ length: 990 }, (_, index) => `u${index + 10}`).sort();
    expect(await removals(onB, 990)).toEqual(gone);
    expect(await removals(onC, 990)).toEqual(gone);
    for (const watcher of [onB, onC]) expect(await announced(c, watcher)).toEqual([]);
    const left = ['watcher', ...Array.from({ length: 10 }, (_, index) => `u${index}`)].sort();
    for (const server of [b, c]) expect(await usersOf(server)).toEqual(left);
    const { json } = await api(b, 'GET', `/apps/${b.app.id}/connections`);
    expect(json).toEqual({ connections: 12 });
    await Promise.all([...members, ...back].map((member) => member[Symbol.asyncDispose]()));
  }, 60_000);
});

describe('a server that stands still', () => {
  test('for longer than its lease is taken for dead; when it goes on, its sockets are members again', async () => {
    const config = { adapter: 'redis', redis: { ...redis.settings(), leaseSeconds: 2 } } as const;
    await using b = await startServer(app, config);
    await using stalled = await startProcess(app, config);
    await using watcher = await connect(b);
    await watcher.joined(ROOM, as('watcher'));
    const tabs = await connectMany(stalled, 20);
    await Promise.all(tabs.map((tab, index) => tab.joined(ROOM, as(`u${index % 10}`))));
    const users = Array.from({ length: 10 }, (_, index) => `u${index}`);
    expect((await announced(b, watcher)).sort()).toEqual(users.map((user) => `+${user}`));

    stalled.signal('SIGSTOP');
    expect(await removals(watcher, 10)).toEqual(users);
    expect(await usersOf(b)).toEqual(['watcher']);
    const list = await api(b, 'GET', `/apps/${b.app.id}/channels`, {
      query: { filter_by_prefix: 'presence-', info: 'user_count' },
    });
    expect(list.json).toEqual({ channels: { [ROOM]: { user_count: 1 } } });

    stalled.signal('SIGCONT');
    await stalled.logged('registered in Redis again');
    expect((await announced(b, watcher)).sort()).toEqual(users.map((user) => `+${user}`));
    for (const server of [b, stalled]) expect(await usersOf(server)).toEqual([...users, 'watcher']);
    await Promise.all(tabs.map((tab) => tab.leave()));
    expect(await removals(watcher, 10)).toEqual(users);
    expect(await announced(b, watcher)).toEqual([]);
  }, 60_000);
});
