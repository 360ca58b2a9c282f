// What core asks of the outside, as types only. The edges and adapters implement them; adapters come in whole sets
// (memory: one process, a cluster of one) and pass the same contract suites.
import type { WebhookQueue } from './webhook-queue.ts';

/** All core knows of a socket. Nothing here throws: a socket that is gone ignores what it is told. */
export interface Transport {
  /** Bytes accepted by `write` that have not left the process. */
  readonly unsentBytes: number;
  readonly peer: Peer;
  /** Queues complete frames, in order. */
  write(frames: Buffer): void;
  /** Sends a protocol-level ping where the transport has one; the peer's stack answers it. */
  ping(): void;
  /** Ends the connection after what was written, with this code and a reason of at most 123 bytes. */
  close(code: number, reason: string): void;
  /** Of what the peer sends from now on, a larger message ends the connection with 1009. */
  limit(maxMessageBytes: number): void;
  /** Stop and go on reading from the peer. */
  pause(): void;
  resume(): void;
}

/** Who is at the other end, as far as it is known. */
export interface Peer {
  readonly address: string | undefined;
  /** X-Forwarded-For as it came. */
  readonly forwardedFor: string | undefined;
  readonly bytesReceived: number;
  readonly bytesSent: number;
}

/** An app's channel, an app's user, or the watchers of an app's user; made in core/topics.ts. */
export type Topic = string;

/**
 * What travels between nodes. `ageMs` is with orders that come late: they are for who was there then. `except` is the
 * socket id of the one connection that is not to get the frame.
 */
export type BrokerMessage =
  | {
      readonly type: 'frame';
      readonly frame: Buffer;
      readonly except?: string | undefined;
      /** Announcements of members, where they may arrive after a snapshot that has them: the number of the change. */
      readonly change?: number | undefined;
    }
  /** Ends the connections that listen to the topic, a user's. */
  | { readonly type: 'terminate'; readonly ageMs?: number | undefined }
  /** Makes the connections that listen to the topic, a user's, leave a channel they are on as that user. */
  | { readonly type: 'unsubscribe'; readonly channel: string; readonly ageMs?: number | undefined }
  /** Something for the nodes themselves, as text: core/administration.ts writes and reads it. */
  | { readonly type: 'call'; readonly text: string };

export type Deliver = (topic: Topic, message: BrokerMessage) => void;

/** Moves messages between nodes, and only moves: no questions, hence no waiting for answers. */
export interface Broker {
  /** @param deliver is called for each message on a subscribed topic, in the order published per topic. */
  start(deliver: Deliver): Promise<void>;
  stop(): Promise<void>;
  /** Resolves once this node really listens. Called for the first local listener only. */
  subscribe(topic: Topic): Promise<void>;
  /** Called after the last local listener left. */
  unsubscribe(topic: Topic): void;
  /** Resolves when the message is on its way, rejects when it cannot be. At most once, own node included. */
  publish(topic: Topic, message: BrokerMessage): Promise<void>;
}

export interface Member {
  readonly userId: string;
  /** The `user_info` as JSON text; of the user's first connection until the user has left completely. */
  readonly info: string;
}

/** Where a frame is published when a change proves to be the first or the last of its kind in the cluster. */
export interface Announcement {
  readonly topic: Topic;
  readonly frame: Buffer;
}

export interface Join {
  readonly appId: string;
  readonly channel: string;
  readonly socketId: string;
  /** Users whose denial counts: whom the grant names, and who is signed in. */
  readonly users: readonly [joiner?: string | undefined, signedIn?: string | undefined];
  /** On presence channels, with the frame that announces the member to the others. */
  readonly presence?: { readonly member: Member; readonly limit: number; readonly announce: Announcement } | undefined;
}

export type Joined =
  /** The channel has as many distinct users as it may; nothing changed. */
  | { readonly refused: 'full' }
  /** One of the users may not join for so long yet, rounded up; nothing changed. */
  | { readonly refused: 'denied'; readonly seconds: number }
  | {
      readonly refused?: undefined;
      /** 0 → 1 subscribers in the cluster. */
      readonly occupied: boolean;
      readonly subscriptionCount: number;
      /** Presence: this was the user's first connection here. */
      readonly memberAdded: boolean;
      /** Presence: everyone here, the joiner included. */
      readonly members: readonly Member[];
      /** Announcements with this number or a lower one are of changes that `members` has already. */
      readonly change?: number | undefined;
      /** More members may be there, of whom nobody will be told: the others are registering what they hold. */
      readonly partial?: boolean | undefined;
    };

export interface Leave {
  readonly appId: string;
  readonly channel: string;
  readonly socketId: string;
  readonly presence?: { readonly userId: string; readonly announce: Announcement } | undefined;
}

export interface Left {
  /** 1 → 0 subscribers in the cluster. */
  readonly vacated: boolean;
  readonly subscriptionCount: number;
  /** Presence: this was the user's last connection here. */
  readonly memberRemoved: boolean;
}

/** A subscription that nobody was left to end: the node that held it is gone, and another one ended it. */
export interface Departure {
  readonly appId: string;
  readonly channel: string;
  /** The member, on presence channels. */
  readonly userId: string | undefined;
  readonly left: Left;
}

/** A subscription of this node that another one had ended, wrongly: it was not dead. It is counted again. */
export interface Return {
  readonly appId: string;
  readonly channel: string;
  /** The member, on presence channels. */
  readonly userId: string | undefined;
  readonly joined: { readonly occupied: boolean; readonly subscriptionCount: number; readonly memberAdded: boolean };
}

export interface ChannelCounts {
  readonly subscriptionCount: number;
  /** Distinct users; 0 on channels without presence. */
  readonly userCount: number;
}

export interface ConnectionPage {
  readonly socketIds: readonly string[];
  /** undefined: this was the last page. */
  readonly next: string | undefined;
}

/**
 * Knows who is where across the cluster. Each change is one atomic step that answers what became true, so that exactly
 * one node learns "first" or "last"; announcements are published in the order of the changes.
 */
export interface Tracker {
  /**
   * @param onDeparture is called on one node of the cluster, once, for each subscription that a node that is gone held
   * @param onReturn is called for each subscription of this node that was ended that way, though the node lives
   */
  start(onDeparture: (departure: Departure) => void, onReturn?: (returned: Return) => void): Promise<void>;
  stop(): Promise<void>;
  /** Counts an open connection of the app; answers how many there are now, unless that would pass `limit` (0: none). */
  connect(appId: string, socketId: string, limit: number): Promise<{ readonly admitted: boolean }>;
  disconnect(appId: string, socketId: string): Promise<void>;
  connectionCount(appId: string): Promise<number>;
  isConnected(appId: string, socketId: string): Promise<boolean>;
  /**
   * Socket ids of the app's open connections, about `count` of them, in no order; one that is there all the while is in
   * some page, and may be in two.
   * @param cursor that of the page before; undefined: the first page
   */
  connections(appId: string, count: number, cursor: string | undefined): Promise<ConnectionPage>;
  join(change: Join): Promise<Joined>;
  leave(change: Leave): Promise<Left>;
  /**
   * From now on no join of the channel as this user, for so many seconds (1 or more); replaces an earlier denial. Who is
   * there is not touched.
   */
  deny(appId: string, channel: string, userId: string, seconds: number): Promise<void>;
  /** How long the user may not join the channel, in whole seconds, rounded up; 0: they may. */
  deniedSeconds(appId: string, channel: string, userId: string): Promise<number>;
  /** In the order asked; zeros for channels nobody is on. */
  counts(appId: string, channels: readonly string[]): Promise<readonly ChannelCounts[]>;
  members(appId: string, channel: string): Promise<readonly Member[]>;
  /** Occupied channels whose names start with `prefix`. */
  list(appId: string, prefix: string): Promise<readonly string[]>;
  /** The same, with their counts. */
  listCounted(appId: string, prefix: string): Promise<ReadonlyMap<string, ChannelCounts>>;
  /** A signed-in connection of the user; `announce` is published when it is the first. */
  signIn(appId: string, userId: string, socketId: string, announce: Announcement): Promise<void>;
  /** `announce` is published when it was the last. */
  signOut(appId: string, userId: string, socketId: string, announce: Announcement): Promise<void>;
  /** Which of these users have a signed-in connection. */
  online(appId: string, userIds: readonly string[]): Promise<ReadonlySet<string>>;
}

/** The last event of a cache channel. */
export interface CachedEvent {
  readonly name: string;
  readonly data: string;
}

export interface EventCache {
  start(): Promise<void>;
  stop(): Promise<void>;
  set(appId: string, channel: string, event: CachedEvent, ttlSeconds: number): Promise<void>;
  /** The event and the whole seconds it will still be kept; undefined when there is none. */
  get(appId: string, channel: string): Promise<(CachedEvent & { readonly ttlSeconds: number }) | undefined>;
}

export interface RateLimiter {
  start(): Promise<void>;
  stop(): Promise<void>;
  /**
   * Takes `amount` of `limit` per second for a key: 0 when admitted, else the milliseconds to wait. Never admits more
   * than `limit` in any second.
   */
  take(key: string, amount: number, limit: number): Promise<number>;
}

/** A node as it describes itself. */
export interface NodeReport {
  readonly id: string;
  /** Of its machine. */
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly startedAtMs: number;
  readonly sockets: number;
  readonly draining: boolean;
}

/** Which nodes there are. Runs as long as the tracker does. */
export interface NodeRegistry {
  /** Called every few seconds. What was not reported for NODE_SECONDS is gone. */
  report(node: NodeReport): Promise<void>;
  forget(nodeId: string): Promise<void>;
  /** With the milliseconds since each was heard of. */
  list(): Promise<readonly (NodeReport & { readonly silentMs: number })[]>;
}

export const NODE_SECONDS = 30;

/** What is known of a request by its idempotency key. */
export type Attempt =
  /** `claim` names this attempt among those with the key. */
  | { readonly state: 'new'; readonly claim: string }
  /** Another attempt is under way, or was when its node died. */
  | { readonly state: 'pending' }
  | { readonly state: 'done'; readonly answer: string }
  /** The key was used for something else. */
  | { readonly state: 'other' };

/** An attempt that began: its claim, and the digest of what it is to do. */
export interface Claimed {
  readonly claim: string;
  readonly digest: string;
}

/** Remembers requests, so that one that is repeated is not done twice. Runs as long as the tracker does. */
export interface RequestLog {
  /** @param digest of all that makes it the same request. `new`: nobody else gets that answer for PENDING_SECONDS. */
  begin(appId: string, key: string, digest: string): Promise<Attempt>;
  /** The answer is kept for DONE_SECONDS, unless another attempt has the key by now. */
  finish(appId: string, key: string, claimed: Claimed, answer: string): Promise<void>;
  /** It was not done: the key is free, unless another attempt has it by now. */
  forget(appId: string, key: string, claim: string): Promise<void>;
}

export const PENDING_SECONDS = 60;
export const DONE_SECONDS = 86_400;

/** What holds a cluster together, where it can break. */
export interface Link {
  /** The others take this node for dead, and none of its sockets hears of them: they are better off elsewhere. */
  readonly lost: boolean;
  /** Messages that arrived and were dropped as they were no message of ours, since the start. */
  readonly malformed: number;
  /** @param listener is called each time the link is lost */
  onLost(listener: () => void): void;
  /** @param listener is called when what was refused as the others could not be reached would succeed again */
  onRestored(listener: () => void): void;
  /** @param listener is called when messages may have been lost, and what the tracker says of members is true again */
  onSettled(listener: () => void): void;
  /** The members of a presence channel, and the number of their last change (0: nobody was there). */
  roster(appId: string, channel: string): Promise<{ readonly members: readonly Member[]; readonly change: number }>;
  /** Why this node cannot do its work at this moment, in a sentence; undefined when it can. Answers in about a second. */
  trouble(): Promise<string | undefined>;
}

/** One whole set of adapters: the switch of server.ts. */
export interface Adapters {
  readonly broker: Broker;
  readonly tracker: Tracker;
  readonly eventCache: EventCache;
  readonly rateLimiter: RateLimiter;
  readonly nodeRegistry: NodeRegistry;
  readonly requestLog: RequestLog;
  readonly webhookQueue: WebhookQueue;
  /** Absent where nothing can come between the nodes. */
  readonly link?: Link;
}
