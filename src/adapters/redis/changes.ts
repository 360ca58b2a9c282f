// Each change of who is where as one call of its script, whoever makes it: the tracker for core, a node that registers
// itself again, or the reaper for a node that is dead.
import type { Announcement, Join, Joined, Left, Member } from '../../core/ports.ts';
import type { RedisClient, ScriptArgument } from './client.ts';
import { encode } from './envelope.ts';
import {
  announceJoined,
  announceLeft,
  announceUser,
  type ConnectionHolding,
  type Holding,
  type SignInHolding,
  type SubscriptionHolding,
  writeHolding,
} from './holdings.ts';
import { connect } from './scripts/connect.lua.ts';
import { disconnect } from './scripts/disconnect.lua.ts';
import { join } from './scripts/join.lua.ts';
import { leave } from './scripts/leave.lua.ts';
import { signIn } from './scripts/sign-in.lua.ts';
import { signOut } from './scripts/sign-out.lua.ts';

/** No limit: what was admitted once may come back. */
const NONE = 0;
/** No denial: who is there may stay until they are removed. */
const NOBODY: Join['users'] = [];

export class Changes {
  readonly #client: RedisClient;

  constructor(client: RedisClient) {
    this.#client = client;
  }

  /** @returns whether it was admitted. */
  async connect(holding: ConnectionHolding, nodeId: string, limit: number): Promise<boolean> {
    const { appId, socketId } = holding;
    const { keys } = this.#client;
    const args = [socketId, nodeId, writeHolding(holding), limit];
    return (await this.#client.run(connect, [keys.connections(appId), keys.held(appId, nodeId)], args)) === 1;
  }

  async disconnect(holding: ConnectionHolding, nodeId: string): Promise<void> {
    const { appId, socketId } = holding;
    const { keys } = this.#client;
    const args = [socketId, nodeId, writeHolding(holding)];
    await this.#client.run(disconnect, [keys.connections(appId), keys.held(appId, nodeId)], args);
  }

  async join(
    holding: SubscriptionHolding,
    nodeId: string,
    terms: Pick<Join, 'users'> & { readonly limit: number; readonly announce: Announcement | undefined },
  ): Promise<Joined> {
    const { appId, channel, socketId, member } = holding;
    const args: ScriptArgument[] = [channel, socketId, nodeId, writeHolding(holding)];
    if (member !== undefined) {
      args.push(member.userId, member.info ?? 'null', terms.limit, ...this.#numbered(terms.announce));
    }
    const [joiner = '', signedIn = ''] = terms.users;
    const denied = [joiner, signedIn].map((userId) => this.#client.keys.denied(appId, channel, userId));
    type Answer = [subscriptions: number, occupied: 0 | 1, added: 0 | 1, members: string[], change: number];
    const keys = [...this.#channelKeys(holding, nodeId), ...denied];
    const answer = await this.#client.run<Answer | number>(join, keys, args);
    if (answer === 0) return { refused: 'full' };
    if (typeof answer === 'number') return { refused: 'denied', seconds: Math.ceil(answer / 1000) };
    const [subscriptionCount, occupied, added, members, change] = answer;
    return {
      occupied: occupied === 1,
      subscriptionCount,
      memberAdded: added === 1,
      members: membersOf(members),
      ...(member !== undefined && { change }),
    };
  }

  async leave(holding: SubscriptionHolding, nodeId: string, announce: Announcement | undefined): Promise<Left> {
    const { channel, socketId, member } = holding;
    const args: ScriptArgument[] = [channel, socketId, nodeId, writeHolding(holding)];
    if (member !== undefined) args.push(member.userId, ...this.#numbered(announce));
    type Answer = [subscriptions: number, vacated: 0 | 1, removed: 0 | 1];
    const keys = this.#channelKeys(holding, nodeId);
    const [subscriptionCount, vacated, removed] = await this.#client.run<Answer>(leave, keys, args);
    return { vacated: vacated === 1, subscriptionCount, memberRemoved: removed === 1 };
  }

  signIn(holding: SignInHolding, nodeId: string, announce: Announcement): Promise<unknown> {
    return this.#client.run(signIn, ...this.#signing(holding, nodeId, announce));
  }

  signOut(holding: SignInHolding, nodeId: string, announce: Announcement): Promise<unknown> {
    return this.#client.run(signOut, ...this.#signing(holding, nodeId, announce));
  }

  /** Makes the node hold it: changes nothing else when it is counted already. */
  enter(holding: Holding, nodeId: string): Promise<unknown> {
    switch (holding.type) {
      case 'connection':
        return this.connect(holding, nodeId, NONE);
      case 'subscription':
        return this.join(holding, nodeId, { users: NOBODY, limit: NONE, announce: announceJoined(holding) });
      case 'sign-in':
        return this.signIn(holding, nodeId, announceUser('online', holding));
      default:
        return holding satisfies never;
    }
  }

  /** Lets go of it, unless another node holds it by now. */
  depart(holding: Holding, nodeId: string): Promise<unknown> {
    switch (holding.type) {
      case 'connection':
        return this.disconnect(holding, nodeId);
      case 'subscription':
        return this.leave(holding, nodeId, announceLeft(holding));
      case 'sign-in':
        return this.signOut(holding, nodeId, announceUser('offline', holding));
      default:
        return holding satisfies never;
    }
  }

  #signing(holding: SignInHolding, nodeId: string, announce: Announcement): [string[], ScriptArgument[]] {
    const { appId, userId, socketId } = holding;
    const { keys } = this.#client;
    return [
      [keys.user(appId, userId), keys.held(appId, nodeId)],
      [socketId, nodeId, writeHolding(holding), ...this.#announcing(announce, socketId)],
    ];
  }

  #channelKeys({ appId, channel }: SubscriptionHolding, nodeId: string): string[] {
    const { subscribers, members, tabs, channels, changes, held } = this.#client.keys;
    const ofChannel = [subscribers, members, tabs].map((key) => key(appId, channel));
    return [...ofChannel, channels(appId), held(appId, nodeId), changes(appId)];
  }

  /** What the scripts make an envelope of, as only they know the number of the change. */
  #numbered(announce: Announcement | undefined): [topic: string, frame: Buffer] | [] {
    return announce === undefined ? [] : [this.#client.keys.topicName(announce.topic), announce.frame];
  }

  /** To everybody but the connection that caused it. */
  #announcing(announce: Announcement | undefined, except: string): [topic: string, bytes: Buffer] | [] {
    if (announce === undefined) return [];
    return [this.#client.keys.topicName(announce.topic), encode({ type: 'frame', frame: announce.frame, except })];
  }
}

/** @param flat user id, info, user id, info, … */
export function membersOf(flat: readonly string[]): Member[] {
  const members: Member[] = [];
  for (let at = 0; at < flat.length; at += 2) members.push({ userId: flat[at] ?? '', info: flat[at + 1] ?? 'null' });
  return members;
}
