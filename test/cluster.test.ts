// Two servers and one Redis are one Fanfare: what a socket or a request does on the one holds on the other.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { api, trigger } from './support/api.ts';
import { type Client, connect, type Frame } from './support/client.ts';
import { type RedisSettings, startRedis, type TestRedis } from './support/redis.ts';
import { startServer, type TestServer } from './support/server.ts';

let redis: TestRedis;
let a: TestServer;
let b: TestServer;
let config: { readonly adapter: 'redis'; readonly redis: RedisSettings };

beforeAll(async () => {
  redis = await startRedis();
  const app = { clientEvents: true, watchlists: true, subscriptionCount: true, limits: { presenceMembers: 20 } };
  config = { adapter: 'redis', redis: redis.settings() };
  [a, b] = await Promise.all([startServer(app, config), startServer(app, config)]);
});

afterAll(async () => {
  await Promise.all([a?.stop(), b?.stop()]);
  await redis?.[Symbol.asyncDispose]();
});

const as = (id: string) => ({ user_id: id, user_info: { name: id } });

function rosterOf({ data }: Frame): string[] {
  return (JSON.parse(data as string) as { presence: { ids: string[] } }).presence.ids.sort();
}

/** Keeps a roster up to date by what the client is sent, each change of it exactly once, until all ten are there. */
async function follow(client: Client, roster: readonly string[]): Promise<void> {
  const present = new Set(roster);
  const isComplete = () => present.size === 10 && [...present].every((id) => id.startsWith('u'));
  while (!isComplete()) {
    const { event, data } = await client.next();
    const id = (JSON.parse(data as string) as { user_id: string }).user_id;
    if (event === 'pusher_internal:member_added') expect(present.has(id)).toBe(false);
    if (event === 'pusher_internal:member_added') present.add(id);
    else expect([event, present.delete(id)]).toEqual(['pusher_internal:member_removed', true]);
  }
  await client.expectNothing();
}

/** What each client was sent since, up to an event that is triggered now; subscription counts left out. */
async function upToNow(channel: string, via: TestServer, ...clients: Client[]): Promise<string[][]> {
  await trigger(via, { name: 'last', channel, data: '' });
  return await Promise.all(
    clients.map(async (client) => {
      const seen: string[] = [];
      for (;;) {
        const { event, data } = await client.next();
        if (event === 'last') return seen;
        if (!event.endsWith(':subscription_count')) seen.push(`${event} ${data}`);
      }
    }),
  );
}

describe('two nodes over Redis', () => {
  test('an event reaches the subscribers of both once and in order, but not the excluded socket', async () => {
    await using here = await connect(a);
    await using there = await connect(b);
    await using excluded = await connect(b);
    for (const client of [here, there, excluded]) await client.joined('events');
    const numbers = Array.from({ length: 50 }, (_, index) => `e ${index}`);
    for (const number of numbers) {
      const event = { name: 'e', channel: 'events', data: number.slice(2), socket_id: excluded.socketId };
      expect((await trigger(a, event)).status).toBe(200);
    }
    expect(await upToNow('events', a, here, there, excluded)).toEqual([numbers, numbers, []]);
  });

  test('a client event reaches the others on both nodes, and not its sender', async () => {
    await using sender = await connect(a);
    await using here = await connect(a);
    await using there = await connect(b);
    for (const client of [sender, here, there]) await client.joined('private-chat');
    sender.send({ event: 'client-typing', channel: 'private-chat', data: '{}' });
    sender.send({ event: 'pusher:ping', data: {} });
    await sender.nextOf('pusher:pong');
    expect(await upToNow('private-chat', b, sender, here, there)).toEqual([
      [],
      ['client-typing {}'],
      ['client-typing {}'],
    ]);
  });

  test('presence is one list: a member comes with the first tab and goes with the last, on whichever node', async () => {
    await using watcher = await connect(a);
    expect(rosterOf(await watcher.joined('presence-room', as('7')))).toEqual(['7']);
    await using tab = await connect(b);
    expect(rosterOf(await tab.joined('presence-room', as('8')))).toEqual(['7', '8']);
    await using otherTab = await connect(a);
    expect(rosterOf(await otherTab.joined('presence-room', as('8')))).toEqual(['7', '8']);
    await tab.leave();
    await otherTab.leave();
    const added = await watcher.nextOf('pusher_internal:member_added');
    expect(added.data).toBe('{"user_id":"8","user_info":{"name":"8"}}');
    expect((await watcher.next()).event).toBe('pusher_internal:member_removed');
    const [seen] = await upToNow('presence-room', b, watcher);
    expect(seen).toEqual([]);
  });

  test('members who come and go at the same moment are told of each other exactly once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const channel = `presence-burst-${round}`;
      const clients = await Promise.all(Array.from({ length: 20 }, (_, index) => connect(index % 2 ? a : b)));
      const others = await Promise.all(Array.from({ length: 10 }, (_, index) => connect(index % 2 ? a : b)));
      const there = await Promise.all(others.map((client, index) => client.joined(channel, as(`o${index % 5}`))));
      expect(there).toHaveLength(10);
      const leaving = others.map((client) => client.leave());
      const rosters = await Promise.all(
        clients.map(async (client, index) => rosterOf(await client.joined(channel, as(`u${index % 10}`)))),
      );
      await Promise.all(leaving);
      await Promise.all(clients.map((client, index) => follow(client, rosters[index] ?? [])));
      await Promise.all(clients.map((client) => client.leave()));
    }
  });

  test('the limit of members is that of both together', async () => {
    const clients = await Promise.all(Array.from({ length: 22 }, (_, index) => connect(index % 2 ? a : b)));
    const answers = clients.map(async (client, index) => {
      client.subscribe('presence-full', as(`${index}`));
      return (await client.next()).event;
    });
    const events = await Promise.all(answers);
    expect(events.filter((event) => event === 'pusher_internal:subscription_succeeded')).toHaveLength(20);
    expect(events.filter((event) => event === 'pusher:error')).toHaveLength(2);
    await Promise.all(clients.map((client) => client.leave()));
  });

  test('terminating a user on one node ends their connections on both, and nobody else’s', async () => {
    await using here = await connect(a);
    await using there = await connect(b);
    await using present = await connect(b);
    await using other = await connect(b);
    for (const client of [here, there]) {
      client.signIn({ id: 'terminated' });
      await client.nextOf('pusher:signin_success');
    }
    await present.joined('presence-room', as('terminated'));
    other.signIn({ id: 'other' });
    await other.nextOf('pusher:signin_success');
    const path = `/apps/${a.app.id}/users/terminated/terminate_connections`;
    expect((await api(a, 'POST', path, { body: {} })).status).toBe(200);
    for (const client of [here, there, present]) expect((await client.closed).code).toBe(4009);
    await other.expectNothing();
  });

  test('removing a user from a channel reaches their connections on both, and a denial holds on both', async () => {
    await using here = await connect(a);
    await using there = await connect(b);
    await using named = await connect(b);
    await using signedIn = await connect(b);
    await using other = await connect(b);
    await other.joined('presence-kick', as('stays'));
    for (const client of [here, there]) await client.joined('presence-kick', as('kicked'));
    await named.joined('private-kick', { user_id: 'kicked' });
    signedIn.signIn({ id: 'kicked' });
    await signedIn.joined('kick');
    expect((await other.nextOf('pusher_internal:member_added')).data).toContain('"kicked"');
    const unsubscribe = async (channel: string) => {
      const path = `/apps/${a.app.id}/users/kicked/channels/${channel}/unsubscribe`;
      expect((await api(a, 'POST', path, { body: { deny_seconds: 3600 } })).status).toBe(200);
    };
    for (const channel of ['presence-kick', 'private-kick', 'kick']) await unsubscribe(channel);
    for (const [client, channel] of [
      [here, 'presence-kick'],
      [there, 'presence-kick'],
      [named, 'private-kick'],
      [signedIn, 'kick'],
    ] as const) {
      const told = await client.nextOf('pusher:subscription_error');
      expect(told).toMatchObject({ channel, data: expect.stringContaining('"Revoked"') });
      client.subscribe(channel, channel === 'kick' ? undefined : as('kicked'));
      expect((await client.next()).event).toBe('pusher:error');
      expect((await client.next()).data).toMatch(/may join again in 3[56]\d\d seconds/);
    }
    const gone = await other.next();
    expect(gone).toMatchObject({ event: 'pusher_internal:member_removed', data: '{"user_id":"kicked"}' });
    const [seen] = await upToNow('presence-kick', a, other);
    expect(seen).toEqual([]);
  });

  test('an event to a user reaches them on both nodes', async () => {
    await using here = await connect(a);
    await using there = await connect(b);
    await using stranger = await connect(b);
    for (const [client, id] of [
      [here, '7'],
      [there, '7'],
      [stranger, '8'],
    ] as const) {
      client.signIn({ id });
      await client.nextOf('pusher:signin_success');
      await client.joined(`#server-to-user-${id}`);
    }
    await trigger(b, { name: 'mail', channel: '#server-to-user-7', data: 'x' });
    expect((await here.nextOf('mail')).data).toBe('x');
    expect((await there.nextOf('mail')).data).toBe('x');
    await stranger.expectNothing();
  });

  test('a watchlist knows who is online on the other node, and hears of the first and the last connection', async () => {
    await using watched = await connect(b);
    watched.signIn({ id: 'present' });
    await watched.nextOf('pusher:signin_success');
    await using watcher = await connect(a);
    watcher.signIn({ id: 'watcher', watchlist: ['present', 'absent'] });
    await watcher.nextOf('pusher:signin_success');
    const next = async () => JSON.parse((await watcher.nextOf('pusher_internal:watchlist_events')).data as string);
    expect(await next()).toEqual({
      events: [
        { name: 'online', user_ids: ['present'] },
        { name: 'offline', user_ids: ['absent'] },
      ],
    });
    await using again = await connect(a);
    again.signIn({ id: 'present' });
    await again.nextOf('pusher:signin_success');
    await watched.leave();
    await again.leave();
    expect(await next()).toEqual({ events: [{ name: 'offline', user_ids: ['present'] }] });
    await watcher.expectNothing();
  });

  test('counts and lists are those of both, whichever node is asked', async () => {
    await using here = await connect(a);
    await using there = await connect(b);
    await using tab = await connect(b);
    await here.joined('counted-public');
    await there.joined('counted-public');
    await here.joined('presence-counted', as('7'));
    await there.joined('presence-counted', as('7'));
    await tab.joined('presence-counted', as('8'));
    for (const node of [a, b]) {
      const ask = async (path: string, query: Record<string, string> = {}) =>
        (await api(node, 'GET', `/apps/${node.app.id}${path}`, { query })).json;
      const info = { info: 'subscription_count,user_count' };
      expect(await ask('/channels', { filter_by_prefix: 'counted-' })).toEqual({ channels: { 'counted-public': {} } });
      expect(await ask('/channels/counted-public', { info: 'subscription_count' })).toEqual({
        occupied: true,
        subscription_count: 2,
      });
      expect(await ask('/channels/presence-counted', info)).toEqual({
        occupied: true,
        subscription_count: 3,
        user_count: 2,
      });
      const { users } = (await ask('/channels/presence-counted/users')) as { users: { id: string }[] };
      expect(users.map(({ id }) => id).sort()).toEqual(['7', '8']);
    }
  });

  test('subscription counts are sent to the subscribers of both', async () => {
    await using here = await connect(a);
    await here.joined('watched-count');
    const next = async () => (await here.nextOf('pusher_internal:subscription_count')).data;
    expect(await next()).toBe('{"subscription_count":1}');
    await using there = await connect(b);
    await there.joined('watched-count');
    expect(await next()).toBe('{"subscription_count":2}');
    await there.leave();
    expect(await next()).toBe('{"subscription_count":1}');
  });

  test('a cache channel gives its last event on both', async () => {
    await trigger(a, { name: 'headline', channel: 'cache-news', data: 'old' });
    await trigger(b, { name: 'headline', channel: 'cache-news', data: 'new' });
    for (const node of [a, b]) {
      await using client = await connect(node);
      await client.joined('cache-news');
      expect(await client.nextOf('headline')).toEqual({ event: 'headline', channel: 'cache-news', data: 'new' });
    }
  });

  test('a server that stops sends its sockets away, and their members leave for the other', async () => {
    await using stopping = await startServer({ limits: { presenceMembers: 3 } }, config);
    await using watcher = await connect(a);
    await watcher.joined('presence-stop', as('7'));
    await using leaver = await connect(stopping);
    await leaver.joined('presence-stop', as('8'));
    expect((await watcher.next()).event).toBe('pusher_internal:member_added');
    await stopping.stop();
    expect((await leaver.closed).code).toBe(4200);
    expect((await watcher.next()).event).toBe('pusher_internal:member_removed');
  });
});

describe('two nodes whose Redis is gone', () => {
  test('answer 503 instead of a 200 for what was not published, and deliver again when it is back', async () => {
    await using lost = await startRedis();
    const config = { adapter: 'redis', redis: lost.settings() } as const;
    await using first = await startServer({}, config);
    await using second = await startServer({}, config);
    await using client = await connect(second);
    await client.joined('news');
    await lost.kill();
    const refused = await trigger(first, { name: 'e', channel: 'news', data: '1' });
    expect(refused).toMatchObject({
      status: 503,
      text: 'Redis is unavailable, the event was not published. Try again later.',
    });
    expect(refused.headers.get('retry-after')).toBe('2');
    expect((await api(first, 'GET', `/apps/${first.app.id}/channels`)).status).toBe(503);
    await lost.start();
    const listening = ({ logged }: TestServer) => logged.some(({ msg }) => msg === 'listening to Redis again');
    await vi.waitUntil(() => listening(first) && listening(second), { timeout: 10_000 });
    expect((await trigger(first, { name: 'e', channel: 'news', data: '2' })).status).toBe(200);
    expect((await client.nextOf('e')).data).toBe('2');
  });
});
