// Who is where across the cluster, in Redis. A change is one script, hence atomic: one node of all learns "first" or
// "last", and announcements are published in the order of the changes.
import type {
  Announcement,
  ChannelCounts,
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

/** Channels looked at in one step of a list. */
const SCAN_COUNT = 1000;

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

  join({ appId, channel, socketId, users, presence }: Join): Promise<Joined> {
    const holding = { type: 'subscription', appId, channel, socketId, member: presence?.member } as const;
    const { limit = 0, announce } = presence ?? {};
    const terms = { users, limit, announce };
    const change = async (nodeId: string) => (await this.#changes.join(holding, nodeId, terms)).joined;
    return this.#node.hold(holding, change, ({ refused }) => refused !== undefined);
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

  async list(appId: string, prefix: string): Promise<Map<string, ChannelCounts>> {
    const { keys } = this.#client;
    const pattern = `${prefix.replace(/[*?[\]\\]/g, '\\$&')}*`;
    const step = (cursor: string) =>
      this.#client.run<[cursor: string, flat: string]>(list, [keys.channels(appId)], [cursor, pattern, SCAN_COUNT]);
    const listed = new Map<string, ChannelCounts>();
    // Most channels have the counts of many others: read once each.
    const known = new Map<string, ChannelCounts>();
    for (let asked: ReturnType<typeof step> | undefined = step('0'); asked !== undefined; ) {
      const [cursor, text]: [string, string] = await asked;
      // Redis makes the next step while this one is read.
      asked = cursor === '0' ? undefined : step(cursor);
      const flat = JSON.parse(text) as readonly string[];
      for (let at = 0; at < flat.length; at += 2) {
        const counted = flat[at + 1] ?? '';
        const counts = known.get(counted) ?? countsOf(counted);
        known.set(counted, counts);
        listed.set(flat[at] ?? '', counts);
      }
    }
    return listed;
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
  const [subscriptions, users] = (text ?? '0 0').split(' ');
  return { subscriptionCount: Number(subscriptions), userCount: Number(users) };
}
