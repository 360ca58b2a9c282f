// Who is where, in a cluster of one process. A change is one synchronous step, hence atomic.
import type {
  Announcement,
  Broker,
  ChannelCounts,
  ConnectionPage,
  Join,
  Joined,
  Leave,
  Left,
  Member,
  Tracker,
} from '../../core/ports.ts';
import { Denials } from './denials.ts';

interface Present {
  readonly member: Member;
  connections: number;
}

interface Channel {
  subscriptions: number;
  /** By user id, in order of arrival; presence channels only. */
  members: Map<string, Present> | undefined;
  /** Of the members as they are, made when it is asked for: the same list until they change. */
  list: readonly Member[] | undefined;
}

interface AppState {
  /** Socket id → a number that grows: where a page ended. */
  readonly connections: Map<string, number>;
  readonly channels: Map<string, Channel>;
  /** Signed-in connections by user id. */
  readonly users: Map<string, number>;
}

export class MemoryTracker implements Tracker {
  readonly #broker: Broker;
  readonly #apps = new Map<string, AppState>();
  readonly #denials = new Denials();
  #connected = 0;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  async start(): Promise<void> {
    this.#denials.start();
  }

  async stop(): Promise<void> {
    this.#denials.stop();
    this.#apps.clear();
  }

  async connect(appId: string, socketId: string, limit: number): Promise<{ admitted: boolean }> {
    const app = this.#app(appId);
    if (limit > 0 && app.connections.size >= limit) return { admitted: false };
    this.#connected += 1;
    app.connections.set(socketId, this.#connected);
    return { admitted: true };
  }

  async disconnect(appId: string, socketId: string): Promise<void> {
    const app = this.#app(appId);
    app.connections.delete(socketId);
    if (app.connections.size === 0 && app.channels.size === 0 && app.users.size === 0) this.#apps.delete(appId);
  }

  async connectionCount(appId: string): Promise<number> {
    return this.#apps.get(appId)?.connections.size ?? 0;
  }

  async isConnected(appId: string, socketId: string): Promise<boolean> {
    return this.#apps.get(appId)?.connections.has(socketId) ?? false;
  }

  async connections(appId: string, count: number, cursor = '0'): Promise<ConnectionPage> {
    const after = Number(cursor);
    const later = [...(this.#apps.get(appId)?.connections ?? [])].filter(([, number]) => number > after);
    const page = later.slice(0, count);
    const next = later.length > count ? String(page.at(-1)?.[1]) : undefined;
    return { socketIds: page.map(([socketId]) => socketId), next };
  }

  async join({ appId, channel: name, socketId, users, presence }: Join): Promise<Joined> {
    const denied = users.map((id) => (id === undefined ? 0 : this.#denials.secondsLeft(appId, name, id)));
    const seconds = Math.max(0, ...denied);
    if (seconds > 0) return { refused: 'denied', seconds };
    const { channels } = this.#app(appId);
    const channel = channels.get(name) ?? { subscriptions: 0, members: undefined, list: undefined };
    let memberAdded = false;
    if (presence !== undefined) {
      channel.members ??= new Map();
      const present = channel.members.get(presence.member.userId);
      if (present === undefined && channel.members.size >= presence.limit) return { refused: 'full' };
      memberAdded = present === undefined;
      if (present !== undefined) present.connections += 1;
      else channel.members.set(presence.member.userId, { member: presence.member, connections: 1 });
      if (memberAdded) channel.list = undefined;
    }
    channels.set(name, channel);
    channel.subscriptions += 1;
    if (memberAdded) await this.#announce(presence?.announce, socketId);
    const members = membersOf(channel);
    return {
      occupied: channel.subscriptions === 1,
      subscriptionCount: channel.subscriptions,
      memberAdded,
      members,
    };
  }

  async leave({ appId, channel: name, socketId, presence }: Leave): Promise<Left> {
    const { channels } = this.#app(appId);
    const channel = channels.get(name);
    if (channel === undefined) return { vacated: false, subscriptionCount: 0, memberRemoved: false };
    channel.subscriptions -= 1;
    if (channel.subscriptions === 0) channels.delete(name);
    let memberRemoved = false;
    const present = presence && channel.members?.get(presence.userId);
    if (presence !== undefined && present !== undefined) {
      present.connections -= 1;
      memberRemoved = present.connections === 0;
      if (memberRemoved) {
        channel.members?.delete(presence.userId);
        channel.list = undefined;
        await this.#announce(presence.announce, socketId);
      }
    }
    return { vacated: channel.subscriptions === 0, subscriptionCount: channel.subscriptions, memberRemoved };
  }

  async deny(appId: string, channel: string, userId: string, seconds: number): Promise<void> {
    this.#denials.set(appId, channel, userId, seconds);
  }

  async deniedSeconds(appId: string, channel: string, userId: string): Promise<number> {
    return this.#denials.secondsLeft(appId, channel, userId);
  }

  async counts(appId: string, names: readonly string[]): Promise<ChannelCounts[]> {
    const channels = this.#apps.get(appId)?.channels;
    return names.map((name) => countsOf(channels?.get(name)));
  }

  async members(appId: string, channel: string): Promise<readonly Member[]> {
    return membersOf(this.#apps.get(appId)?.channels.get(channel));
  }

  async list(appId: string, prefix: string): Promise<string[]> {
    return [...(await this.listCounted(appId, prefix)).keys()];
  }

  async listCounted(appId: string, prefix: string): Promise<Map<string, ChannelCounts>> {
    const listed = new Map<string, ChannelCounts>();
    for (const [name, channel] of this.#apps.get(appId)?.channels ?? []) {
      if (name.startsWith(prefix)) listed.set(name, countsOf(channel));
    }
    return listed;
  }

  async signIn(appId: string, userId: string, socketId: string, announce: Announcement): Promise<void> {
    const { users } = this.#app(appId);
    const connections = users.get(userId) ?? 0;
    users.set(userId, connections + 1);
    if (connections === 0) await this.#announce(announce, socketId);
  }

  async signOut(appId: string, userId: string, socketId: string, announce: Announcement): Promise<void> {
    const { users } = this.#app(appId);
    const connections = users.get(userId);
    if (connections === undefined) return;
    if (connections > 1) {
      users.set(userId, connections - 1);
      return;
    }
    users.delete(userId);
    await this.#announce(announce, socketId);
  }

  async online(appId: string, userIds: readonly string[]): Promise<Set<string>> {
    const users = this.#apps.get(appId)?.users;
    return new Set(userIds.filter((id) => users?.has(id)));
  }

  #app(appId: string): AppState {
    let app = this.#apps.get(appId);
    if (app === undefined) {
      app = { connections: new Map(), channels: new Map(), users: new Map() };
      this.#apps.set(appId, app);
    }
    return app;
  }

  /** To everybody but the connection that caused it. */
  async #announce(announcement: Announcement | undefined, except: string): Promise<void> {
    if (announcement === undefined) return;
    await this.#broker.publish(announcement.topic, { type: 'frame', frame: announcement.frame, except });
  }
}

const NOBODY: readonly Member[] = [];

function membersOf(channel: Channel | undefined): readonly Member[] {
  if (channel?.members === undefined) return NOBODY;
  channel.list ??= Array.from(channel.members.values(), ({ member }) => member);
  return channel.list;
}

function countsOf(channel: Channel | undefined): ChannelCounts {
  return { subscriptionCount: channel?.subscriptions ?? 0, userCount: channel?.members?.size ?? 0 };
}
