// Presence over three servers: 300 users with two tabs each, on servers at random, that come and go. Every roster is the
// truth of its moment, and everybody is told of each user's first tab and last tab, once.
import { describe, expect, test, vi } from 'vitest';
import { api } from '../support/api.ts';
import { type Client, connect, type Frame } from '../support/client.ts';
import type { TestServer } from '../support/server.ts';
import { forEach, startNodes } from './support/nodes.ts';
import { Random } from './support/random.ts';

const ROOM = 'presence-room';
const USERS = 300;
const TABS = 2;
/** Tabs on the move at the same time. */
const AT_ONCE = USERS * TABS;
const app = { limits: { presenceMembers: USERS + 10 } } as const;

interface Tab {
  readonly user: string;
  client: Client | undefined;
}

const makeTabs = (): Tab[] =>
  Array.from({ length: USERS * TABS }, (_, index) => ({ user: `u${index % USERS}`, client: undefined }));

const usersWith = (tabs: readonly Tab[], others: readonly string[]): string[] =>
  [...new Set([...tabs.filter(({ client }) => client !== undefined).map(({ user }) => user), ...others])].sort();

/** What a subscription_succeeded says, checked against itself. */
function rosterOf({ data }: Frame): string[] {
  const { presence } = JSON.parse(data as string) as {
    presence: { count: number; ids: string[]; hash: Record<string, unknown> };
  };
  expect(presence.count).toBe(presence.ids.length);
  expect(Object.keys(presence.hash).sort()).toEqual([...presence.ids].sort());
  return [...presence.ids].sort();
}

/** Its roster is the first it hears of the room: what was announced before that would be lost on a client. */
async function enter(client: Client, user: string): Promise<string[]> {
  client.subscribe(ROOM, { user_id: user });
  const frame = await client.next();
  expect(frame.event).toBe('pusher_internal:subscription_succeeded');
  return rosterOf(frame);
}

/** "+user" and "-user"; undefined for every other frame. */
function changeOf({ event, data }: Frame): string | undefined {
  if (event !== 'pusher_internal:member_added' && event !== 'pusher_internal:member_removed') return undefined;
  const { user_id } = JSON.parse(data as string) as { user_id: string };
  return `${event.endsWith('added') ? '+' : '-'}${user_id}`;
}

/** One member on each server who only looks. */
async function watch(nodes: readonly TestServer[]): Promise<Client[]> {
  const watchers: Client[] = [];
  for (const [number, node] of nodes.entries()) {
    const watcher = await connect(node);
    const present = Array.from({ length: number + 1 }, (_, index) => `watcher-${index}`);
    expect(await enter(watcher, `watcher-${number}`)).toEqual(present);
    for (const other of watchers) expect(changeOf(await other.next())).toBe(`+watcher-${number}`);
    watchers.push(watcher);
  }
  return watchers;
}

const watcherNames = ['watcher-0', 'watcher-1', 'watcher-2'];

async function usersOf(node: TestServer): Promise<string[]> {
  const { json } = await api(node, 'GET', `/apps/${node.app.id}/channels/${ROOM}/users`);
  return (json as { users: { id: string }[] }).users.map(({ id }) => id).sort();
}

/** Until the servers know of every socket that is gone: those are not answered. */
async function counted(node: TestServer, subscriptions: number): Promise<void> {
  const query = { info: 'subscription_count' };
  await vi.waitUntil(
    async () => {
      const { json } = await api(node, 'GET', `/apps/${node.app.id}/channels/${ROOM}`, { query });
      return (json as { subscription_count: number }).subscription_count === subscriptions;
    },
    { timeout: 20_000, interval: 10 },
  );
}

/** Leaves the room with its socket, or without. */
async function go(client: Client, random: Random): Promise<void> {
  if (random.below(2) === 0) return await client.leave();
  client.send({ event: 'pusher:unsubscribe', data: { channel: ROOM } });
  client.send({ event: 'pusher:ping', data: {} });
  await client.nextOf('pusher:pong');
  await client.leave();
}

describe('presence over three servers', () => {
  test('one change after the other: every roster is right, every watcher hears of first and last tabs only', async () => {
    const random = new Random(1);
    await using cluster = await startNodes(3, app);
    const { nodes } = cluster;
    const watchers = await watch(nodes);
    const tabs = makeTabs();
    const heard = async (change: string) => {
      for (const watcher of watchers) expect(changeOf(await watcher.next())).toBe(change);
    };
    for (let step = 0; step < 900; step += 1) {
      const tab = random.of(tabs);
      const isOther = tabs.some((other) => other !== tab && other.user === tab.user && other.client !== undefined);
      if (tab.client === undefined) {
        tab.client = await connect(random.of(nodes));
        expect(await enter(tab.client, tab.user)).toEqual(usersWith(tabs, watcherNames));
        if (!isOther) await heard(`+${tab.user}`);
      } else {
        await go(tab.client, random);
        tab.client = undefined;
        if (!isOther) await heard(`-${tab.user}`);
        await counted(random.of(nodes), tabs.filter(({ client }) => client !== undefined).length + watchers.length);
      }
    }
    for (const node of nodes) expect(await usersOf(node)).toEqual(usersWith(tabs, watcherNames));
    for (const watcher of watchers) await watcher.expectNothing();
    await Promise.all([...tabs.map(({ client }) => client), ...watchers].map((client) => client?.leave()));
  }, 60_000);

  test('all at once: nobody is announced twice or missed, on any server, and nothing is left', async () => {
    const random = new Random(2);
    await using cluster = await startNodes(3, app);
    const { nodes } = cluster;
    const watchers = await watch(nodes);
    const tabs = makeTabs();
    const rosters = new Map<Client, string[]>();
    const join = async (tab: Tab) => {
      const client = await connect(random.of(nodes));
      rosters.set(client, await enter(client, tab.user));
      tab.client = client;
      return client;
    };
    // Each tab comes, two of three go again, and half of those come back.
    await forEach(random.shuffled(tabs), AT_ONCE, async (tab) => {
      const first = await join(tab);
      if (random.below(3) === 0) return;
      tab.client = undefined;
      await go(first, random);
      if (random.below(2) === 0) await join(tab);
    });
    const clients = tabs.map(({ client }) => client).filter((client) => client !== undefined);
    await counted(nodes[0] as TestServer, clients.length + watchers.length);
    await fence(nodes[1] as TestServer);
    const truth = usersWith(tabs, watcherNames);
    for (const watcher of watchers) expect(await follow(watcher, watcherNames)).toEqual(truth);
    for (const client of clients) expect(await follow(client, rosters.get(client) ?? [])).toEqual(truth);
    for (const node of nodes) expect(await usersOf(node)).toEqual(truth);

    const present = usersWith(tabs, []);
    await forEach(random.shuffled(clients), AT_ONCE, (client) => go(client, random));
    await counted(nodes[2] as TestServer, watchers.length);
    await fence(nodes[0] as TestServer);
    for (const watcher of watchers) {
      const changes = await upToFence(watcher);
      expect(changes.sort()).toEqual(present.map((user) => `-${user}`));
    }
    await Promise.all(watchers.map((watcher) => watcher.leave()));
    for (const node of nodes) {
      await vi.waitUntil(async () => {
        const { json } = await api(node, 'GET', `/apps/${node.app.id}/channels`);
        return Object.keys((json as { channels: object }).channels).length === 0;
      });
      expect((await api(node, 'GET', `/apps/${node.app.id}/connections`)).json).toEqual({ connections: 0 });
    }
  }, 60_000);
});

async function fence(node: TestServer): Promise<void> {
  const body = { name: 'fence', channel: ROOM, data: '' };
  expect((await api(node, 'POST', `/apps/${node.app.id}/events`, { body })).status).toBe(200);
}

async function upToFence(client: Client): Promise<string[]> {
  const changes: string[] = [];
  for (;;) {
    const frame = await client.next();
    if (frame.event === 'fence') return changes;
    const change = changeOf(frame);
    if (change !== undefined) changes.push(change);
  }
}

/** A roster kept up to date with what the client was told since, each change of it a real one. */
async function follow(client: Client, roster: readonly string[]): Promise<string[]> {
  const present = new Set(roster);
  for (const change of await upToFence(client)) {
    const user = change.slice(1);
    expect([change, present.has(user)]).toEqual([change, change.startsWith('-')]);
    if (change.startsWith('+')) present.add(user);
    else present.delete(user);
  }
  return [...present].sort();
}
