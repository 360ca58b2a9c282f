// Who is where across the cluster, in Redis. A change is one script, hence atomic: one node of all learns "first" or
// "last", and announcements are published in the order of the changes.
import type {
  Announcement,
  ChannelCounts,
  ConnectionPage,
  Departure,
  Join,
  Joined,
  Leave,
  Left,
  Member,
  Return,
  Tracker,
} from '../../core/ports.ts';
import { type Changes, membersOf } from './changes.ts';
import type { RedisClient } from './client.ts';
import type { Node } from './node.ts';
import type { Reaper } from './reaper.ts';
import { list } from './scripts/list.lua.ts';
import { members } from './scripts/members.lua.ts';

/** Channels in one step of a list, so that Redis serves others in between. */
const PAGE_SIZE = 2500;

type Page = readonly [names: readonly string[], counts: readonly string[]];

export class RedisTracker implements Tracker {
  readonly #client: RedisClient;
  readonly #node: Node;
  readonly #changes: Changes;
  readonly #reaper: Reaper;
  #started = false;

  constructor(client: RedisClient, node: Node, changes: Changes, reaper: Reaper) {
    this.#client = client;
    this.#node = node;
    this.#changes = changes;
    this.#reaper = reaper;
  }

  async start(
    onDeparture: (departure: Departure) => void,
    onReturn: (returned: Return) => void = () => {},
  ): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    await this.#client.start(this);
    await this.#reaper.start(onDeparture, onReturn);
  }

  async stop(): Promise<void> {
    if (!this.#started) return;
    this.#started = false;
    await this.#reaper.stop();
    this.#client.stop(this);
  }

  async connect(appId: string, socketId: string, limit: number): Promise<{ admitted: boolean }> {
    const holding = { type: 'connection', appId, socketId } as const;
    const change = (nodeId: string) => this.#changes.connect(holding, nodeId, limit);
    return { admitted: await this.#node.hold(holding, change, (admitted) => !admitted) };
  }

  async disconnect(appId: string, socketId: string): Promise<void> {
    const holding = { type: 'connection', appId, socketId } as const;
    await this.#node.letGo(holding, (nodeId) => this.#changes.disconnect(holding, nodeId));
  }

  connectionCount(appId: string): Promise<number> {
    return this.#client.answer(this.#client.commands.hlen(this.#client.keys.connections(appId)));
  }

  async isConnected(appId: string, socketId: string): Promise<boolean> {
    const { commands, keys } = this.#client;
    return (await this.#client.answer(commands.hexists(keys.connections(appId), socketId))) === 1;
  }

  async connections(appId: string, count: number, cursor = '0'): Promise<ConnectionPage> {
    const { commands, keys } = this.#client;
    const scanned = commands.hscan(keys.connections(appId), cursor, 'COUNT', count);
    const [next, pairs] = await this.#client.answer(scanned);
    const socketIds = pairs.filter((_, index) => index % 2 === 0);
    return { socketIds, next: next === '0' ? undefined : next };
  }

  async join({ appId, channel, socketId, users, presence }: Join): Promise<Joined> {
    const holding = { type: 'subscription', appId, channel, socketId, member: presence?.member } as const;
    const { limit = 0, announce } = presence ?? {};
    const terms = { users, limit, announce };
    const change = async (nodeId: string) => (await this.#changes.join(holding, nodeId, terms)).joined;
    const joined = await this.#node.hold(holding, change, ({ refused }) => refused !== undefined);
    const partial = presence !== undefined && joined.refused === undefined && this.#reaper.rebuilding;
    return partial ? { ...joined, partial } : joined;
  }

  leave({ appId, channel, socketId, presence }: Leave): Promise<Left> {
    const member = presence && { userId: presence.userId };
    const holding = { type: 'subscription', appId, channel, socketId, member } as const;
    const change = async (nodeId: string) => (await this.#changes.leave(holding, nodeId, presence?.announce)).left;
    return this.#node.letGo(holding, change);
  }

  async deny(appId: string, channel: string, userId: string, seconds: number): Promise<void> {
    const { commands, keys } = this.#client;
    await this.#client.answer(commands.set(keys.denied(appId, channel, userId), '', 'PX', seconds * 1000));
  }

  async deniedSeconds(appId: string, channel: string, userId: string): Promise<number> {
    const { commands, keys } = this.#client;
    const leftMs = await this.#client.answer(commands.pttl(keys.denied(appId, channel, userId)));
    return Math.max(0, Math.ceil(leftMs / 1000));
  }

  async counts(appId: string, channels: readonly string[]): Promise<ChannelCounts[]> {
    if (channels.length === 0) return [];
    const { commands, keys } = this.#client;
    return (await this.#client.answer(commands.hmget(keys.channels(appId), ...channels))).map(countsOf);
  }

  async members(appId: string, channel: string): Promise<Member[]> {
    return membersOf(await this.#client.run<string[]>(members, [this.#client.keys.members(appId, channel)], []));
  }

  async list(appId: string, prefix: string): Promise<string[]> {
    const listed: string[] = [];
    for await (const [names] of this.#pages(appId, prefix, '')) listed.push(...names);
    return listed;
  }

  async listCounted(appId: string, prefix: string): Promise<Map<string, ChannelCounts>> {
    const listed = new Map<string, ChannelCounts>();
    // Most channels have the counts of many others: read once each.
    const known = new Map<string, ChannelCounts>();
    for await (const [names, texts] of this.#pages(appId, prefix, 'counted')) {
      for (const [index, name] of names.entries()) {
        const text = texts[index] ?? '';
        const counts = known.get(text) ?? countsOf(text);
        known.set(text, counts);
        listed.set(name, counts);
      }
    }
    return listed;
  }

  /** Each page is one small step of Redis, which makes the next while this one is read. */
  async *#pages(appId: string, prefix: string, as: 'counted' | ''): AsyncGenerator<Page> {
    const keys = [this.#client.keys.names(appId), this.#client.keys.channels(appId)];
    // No name has a byte 255, which no UTF-8 has.
    const end = Buffer.concat([Buffer.from(`(${prefix}`), Buffer.from([0xff])]);
    const ask = (from: string) => this.#client.run<string>(list, keys, [from, end, PAGE_SIZE, as]);
    for (let asked: Promise<string> | undefined = ask(`[${prefix}`); asked !== undefined; ) {
      const [names, texts = []] = JSON.parse(await asked) as [string[], string[]?];
      const last = names.at(-1);
      asked = names.length < PAGE_SIZE || last === undefined ? undefined : ask(`(${last}`);
      yield [names, texts];
    }
  }

  async signIn(appId: string, userId: string, socketId: string, announce: Announcement): Promise<void> {
    const holding = { type: 'sign-in', appId, userId, socketId } as const;
    const change = (nodeId: string) => this.#changes.signIn(holding, nodeId, announce);
    await this.#node.hold(holding, change, () => false);
  }

  async signOut(appId: string, userId: string, socketId: string, announce: Announcement): Promise<void> {
    const holding = { type: 'sign-in', appId, userId, socketId } as const;
    await this.#node.letGo(holding, (nodeId) => this.#changes.signOut(holding, nodeId, announce));
  }

  async online(appId: string, userIds: readonly string[]): Promise<Set<string>> {
    const { commands, keys } = this.#client;
    const present = await this.#client.answer(Promise.all(userIds.map((id) => commands.exists(keys.user(appId, id)))));
    return new Set(userIds.filter((_, index) => present[index] === 1));
  }
}

/** @param text what the scripts write: "subscriptions users" */
function countsOf(text: string | null): ChannelCounts {
  const [subscriptions, users] = (text || '0 0').split(' ');
  return { subscriptionCount: Number(subscriptions), userCount: Number(users) };
}
