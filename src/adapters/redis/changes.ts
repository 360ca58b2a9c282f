// Each change of who is where as one call of its script, whoever makes it: the tracker for core, a node that registers
// itself again, or the reaper for a node that is dead.
import type { Announcement, Departure, Join, Joined, Left, Member, Return } from '../../core/ports.ts';
import {
  announceJoined,
  announceLeft,
  announceUser,
  type ConnectionHolding,
  type Holding,
  type SignInHolding,
  type SubscriptionHolding,
} from '../holdings.ts';
import type { RedisClient, ScriptArgument } from './client.ts';
import { writeHolding } from './holdings.ts';
import { connect } from './scripts/connect.lua.ts';
import { disconnect } from './scripts/disconnect.lua.ts';
import { enlist, openRegister } from './scripts/enlist.lua.ts';
import { join } from './scripts/join.lua.ts';
import { leave } from './scripts/leave.lua.ts';
import { signIn } from './scripts/sign-in.lua.ts';
import { signOut } from './scripts/sign-out.lua.ts';

/** No limit: what was admitted once may come back. */
const NONE = 0;
/** No denial: who is there may stay until they are removed. */
const NOBODY: Join['users'] = [];
/** What scripts answer in whose eyes the node is dead. */
const GONE = -1;

/** The node was taken for dead, and its register is closed: it changed nothing, and needs a new id. */
export class NodeGone extends Error {
  override readonly name = 'NodeGone';
}

interface Terms extends Pick<Join, 'users'> {
  readonly limit: number;
  readonly announce: Announcement | undefined;
  /** By a node that registers what it holds: without the members in the answer. */
  readonly again?: boolean;
}

/** @throws NodeGone from whatever makes a node hold something */
export class Changes {
  readonly #client: RedisClient;

  constructor(client: RedisClient) {
    this.#client = client;
  }

  /** Before the node holds anything of the app. */
  async enlist(appId: string, nodeId: string): Promise<void> {
    const { keys } = this.#client;
    unlessGone(await this.#client.run(enlist, [keys.nodes, keys.appsOf(nodeId)], [nodeId, appId]));
    // The register is there from here on: a node whose register is not has to do with a Redis that lost everything.
    await this.#client.run(openRegister, [keys.held(appId, nodeId)], []);
  }

  /** @returns whether it was admitted. */
  async connect(holding: ConnectionHolding, nodeId: string, limit: number): Promise<boolean> {
    const { appId, socketId } = holding;
    const { keys } = this.#client;
    const args = [socketId, nodeId, writeHolding(holding), limit];
    const names = [keys.connections(appId), keys.held(appId, nodeId), keys.gone(appId, nodeId)];
    return unlessGone(await this.#client.run(connect, names, args)) === 1;
  }

  async disconnect(holding: ConnectionHolding, nodeId: string): Promise<void> {
    const { appId, socketId } = holding;
    const { keys } = this.#client;
    const args = [socketId, nodeId, writeHolding(holding)];
    await this.#client.run(disconnect, [keys.connections(appId), keys.held(appId, nodeId)], args);
  }

  /** Its `isNew` is false when the socket was counted already. */
  async join(
    holding: SubscriptionHolding,
    nodeId: string,
    terms: Terms,
  ): Promise<{ readonly joined: Joined; readonly isNew: boolean }> {
    const { appId, channel, socketId, member } = holding;
    const { keys } = this.#client;
    const args: ScriptArgument[] = [channel, socketId, nodeId, writeHolding(holding), terms.again ? 'again' : ''];
    if (member !== undefined) {
      args.push(member.userId, member.info ?? 'null', terms.limit, ...this.#numbered(terms.announce, socketId));
    }
    const [joiner = '', signedIn = ''] = terms.users;
    const denied = [joiner, signedIn].map((userId) => keys.denied(appId, channel, userId));
    type Answer = [subscriptions: number, isNew: 0 | 1, added: 0 | 1, change: number, members: string[]];
    const names = [...this.#channelKeys(holding, nodeId), ...denied, keys.gone(appId, nodeId), keys.names(appId)];
    const answer = unlessGone(await this.#client.run<Answer | number>(join, names, args));
    if (typeof answer === 'number') return { joined: refusal(answer), isNew: false };
    const [subscriptionCount, isNew, added, change, members] = answer;
    const joined = {
      occupied: isNew === 1 && subscriptionCount === 1,
      subscriptionCount,
      memberAdded: added === 1,
      members: membersOf(members),
      ...(member !== undefined && { change }),
    };
    return { joined, isNew: isNew === 1 };
  }

  /** Its `ended` is false when it was another node's, or gone: then nothing changed. */
  async leave(
    holding: SubscriptionHolding,
    nodeId: string,
    announce: Announcement | undefined,
  ): Promise<{ readonly left: Left; readonly ended: boolean }> {
    const { channel, socketId, member } = holding;
    const args: ScriptArgument[] = [channel, socketId, nodeId, writeHolding(holding)];
    if (member !== undefined) args.push(member.userId, ...this.#numbered(announce, socketId));
    type Answer = [subscriptions: number, ended: 0 | 1, removed: 0 | 1];
    const names = [...this.#channelKeys(holding, nodeId), this.#client.keys.names(holding.appId)];
    const [subscriptionCount, ended, removed] = await this.#client.run<Answer>(leave, names, args);
    const vacated = ended === 1 && subscriptionCount === 0;
    return { left: { vacated, subscriptionCount, memberRemoved: removed === 1 }, ended: ended === 1 };
  }

  async signIn(holding: SignInHolding, nodeId: string, announce: Announcement | undefined): Promise<void> {
    const [names, args] = this.#signing(holding, nodeId, announce);
    const gone = this.#client.keys.gone(holding.appId, nodeId);
    unlessGone(await this.#client.run(signIn, [...names, gone], args));
  }

  async signOut(holding: SignInHolding, nodeId: string, announce: Announcement): Promise<void> {
    await this.#client.run(signOut, ...this.#signing(holding, nodeId, announce));
  }

  /**
   * Makes the node hold what it held before: changes nothing else when it is counted already.
   * @param quiet nothing is announced: the others know
   * @returns what became true of a subscription that was not counted
   */
  async enter(holding: Holding, nodeId: string, quiet: boolean): Promise<Return | undefined> {
    switch (holding.type) {
      case 'connection':
        await this.connect(holding, nodeId, NONE);
        return undefined;
      case 'subscription': {
        const announce = quiet ? undefined : announceJoined(holding);
        const terms = { users: NOBODY, limit: NONE, announce, again: true };
        const { joined, isNew } = await this.join(holding, nodeId, terms);
        if (joined.refused !== undefined || !isNew) return undefined;
        const { appId, channel, member } = holding;
        return { appId, channel, userId: member?.userId, joined };
      }
      case 'sign-in':
        await this.signIn(holding, nodeId, quiet ? undefined : announceUser('online', holding));
        return undefined;
      default:
        return holding satisfies never;
    }
  }

  /**
   * Lets go of it, unless another node holds it by now.
   * @returns what became true of a subscription that ended
   */
  async depart(holding: Holding, nodeId: string): Promise<Departure | undefined> {
    switch (holding.type) {
      case 'connection':
        await this.disconnect(holding, nodeId);
        return undefined;
      case 'subscription': {
        const { left, ended } = await this.leave(holding, nodeId, announceLeft(holding));
        const { appId, channel, member } = holding;
        return ended ? { appId, channel, userId: member?.userId, left } : undefined;
      }
      case 'sign-in':
        await this.signOut(holding, nodeId, announceUser('offline', holding));
        return undefined;
      default:
        return holding satisfies never;
    }
  }

  /** The keys that are this holding's rather than its app's. */
  keysOf(holding: Holding): string[] {
    const { keys } = this.#client;
    const { appId } = holding;
    switch (holding.type) {
      case 'connection':
        return [];
      case 'subscription': {
        const { subscribers, members, tabs } = keys;
        return [subscribers, members, tabs].map((key) => key(appId, holding.channel));
      }
      case 'sign-in':
        return [keys.user(appId, holding.userId)];
      default:
        return holding satisfies never;
    }
  }

  #signing(holding: SignInHolding, nodeId: string, announce?: Announcement): [string[], ScriptArgument[]] {
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
  #numbered(announce: Announcement | undefined, socketId: string): [topic: string, announcement: Buffer] | [] {
    if (announce === undefined) return [];
    const { topic, frame } = announce;
    const { keys, envelope } = this.#client;
    return [keys.topicName(topic), envelope.announcement(topic, socketId, frame)];
  }

  /** To everybody but the connection that caused it. */
  #announcing(announce: Announcement | undefined, except: string): [topic: string, bytes: Buffer] | [] {
    if (announce === undefined) return [];
    const { topic, frame } = announce;
    const { keys, envelope } = this.#client;
    return [keys.topicName(topic), envelope.encode(topic, { type: 'frame', frame, except })];
  }
}

/** @throws NodeGone */
function unlessGone<T>(answer: T): T {
  if (answer === GONE) throw new NodeGone();
  return answer;
}

/** @param answer the milliseconds to wait; 0: there is no room */
function refusal(answer: number): Joined {
  return answer === 0 ? { refused: 'full' } : { refused: 'denied', seconds: Math.ceil(answer / 1000) };
}

/** @param flat user id, info, user id, info, … */
export function membersOf(flat: readonly string[]): Member[] {
  const members: Member[] = [];
  for (let at = 0; at < flat.length; at += 2) members.push({ userId: flat[at] ?? '', info: flat[at + 1] ?? 'null' });
  return members;
}
