// The tracker of a worker: the primary's, asked over the channel.
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
  Tracker,
} from '../../core/ports.ts';
import type { Caller } from './caller.ts';

/** Nothing follows of it. */
const NOTHING_LEFT: Left = { vacated: false, subscriptionCount: 0, memberRemoved: false };

/** Leaving succeeds also when the primary is gone, or goes meanwhile: nobody counts any more what is to be forgotten. */
export class IpcTracker implements Tracker {
  readonly #primary: Caller;

  constructor(primary: Caller) {
    this.#primary = primary;
  }

  async start(onDeparture: (departure: Departure) => void): Promise<void> {
    this.#primary.onDeparture = onDeparture;
    await this.#primary.call('takeDepartures', true);
  }

  async stop(): Promise<void> {
    await this.#unlessGone(this.#primary.call('takeDepartures', false), undefined);
    this.#primary.onDeparture = undefined;
  }

  connect(appId: string, socketId: string, limit: number): Promise<{ readonly admitted: boolean }> {
    return this.#primary.call('connect', appId, socketId, limit);
  }

  disconnect(appId: string, socketId: string): Promise<void> {
    return this.#unlessGone(this.#primary.call('disconnect', appId, socketId), undefined);
  }

  connectionCount(appId: string): Promise<number> {
    return this.#primary.call('connectionCount', appId);
  }

  isConnected(appId: string, socketId: string): Promise<boolean> {
    return this.#primary.call('isConnected', appId, socketId);
  }

  connections(appId: string, count: number, cursor: string | undefined): Promise<ConnectionPage> {
    return this.#primary.call('connections', appId, count, cursor);
  }

  join(change: Join): Promise<Joined> {
    return this.#primary.call('join', change);
  }

  leave(change: Leave): Promise<Left> {
    return this.#unlessGone(this.#primary.call('leave', change), NOTHING_LEFT);
  }

  deny(appId: string, channel: string, userId: string, seconds: number): Promise<void> {
    return this.#primary.call('deny', appId, channel, userId, seconds);
  }

  deniedSeconds(appId: string, channel: string, userId: string): Promise<number> {
    return this.#primary.call('deniedSeconds', appId, channel, userId);
  }

  counts(appId: string, channels: readonly string[]): Promise<readonly ChannelCounts[]> {
    return this.#primary.call('counts', appId, channels);
  }

  members(appId: string, channel: string): Promise<readonly Member[]> {
    return this.#primary.call('members', appId, channel);
  }

  list(appId: string, prefix: string): Promise<readonly string[]> {
    return this.#primary.call('list', appId, prefix);
  }

  listCounted(appId: string, prefix: string): Promise<ReadonlyMap<string, ChannelCounts>> {
    return this.#primary.call('listCounted', appId, prefix);
  }

  signIn(appId: string, userId: string, socketId: string, announce: Announcement): Promise<void> {
    return this.#primary.call('signIn', appId, userId, socketId, announce);
  }

  signOut(appId: string, userId: string, socketId: string, announce: Announcement): Promise<void> {
    return this.#unlessGone(this.#primary.call('signOut', appId, userId, socketId, announce), undefined);
  }

  online(appId: string, userIds: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#primary.call('online', appId, userIds);
  }

  async #unlessGone<T>(answer: Promise<T>, otherwise: T): Promise<T> {
    try {
      return await answer;
    } catch (err) {
      if (this.#primary.gone) return otherwise;
      throw err;
    }
  }
}
