// What a node holds in Redis on behalf of one socket, and its text in the node's register there: enough for another
// node to let go of it; pure.
import type { Announcement, Member } from '../../core/ports.ts';
import { channelTopic, watchersTopic } from '../../core/topics.ts';
import { readJson } from '../../protocol/json.ts';
import { memberAdded, memberRemoved, watchlistEvents } from '../../protocol/server-message.ts';

export interface ConnectionHolding {
  readonly type: 'connection';
  readonly appId: string;
  readonly socketId: string;
}

export interface SubscriptionHolding {
  readonly type: 'subscription';
  readonly appId: string;
  readonly socketId: string;
  readonly channel: string;
  /** On presence channels. Without `info` when it comes from the register. */
  readonly member: (Pick<Member, 'userId'> & Partial<Member>) | undefined;
}

export interface SignInHolding {
  readonly type: 'sign-in';
  readonly appId: string;
  readonly socketId: string;
  readonly userId: string;
}

export type Holding = ConnectionHolding | SubscriptionHolding | SignInHolding;

/** The app is not in it, as every app has its own register. */
export function writeHolding(holding: Holding): string {
  const { type, socketId } = holding;
  switch (type) {
    case 'connection':
      return JSON.stringify([type, socketId]);
    case 'subscription':
      return JSON.stringify([type, socketId, holding.channel, holding.member?.userId]);
    case 'sign-in':
      return JSON.stringify([type, socketId, holding.userId]);
    default:
      return holding satisfies never;
  }
}

/** @returns undefined for what `writeHolding` did not write. */
export function readHolding(appId: string, text: string): Holding | undefined {
  const parts = readJson(text);
  if (!Array.isArray(parts)) return undefined;
  const [type, socketId, name, userId] = parts as unknown[];
  if (typeof socketId !== 'string') return undefined;
  if (type === 'connection') return { type, appId, socketId };
  if (typeof name !== 'string') return undefined;
  if (type === 'sign-in') return { type, appId, socketId, userId: name };
  if (type !== 'subscription') return undefined;
  return { type, appId, socketId, channel: name, member: typeof userId === 'string' ? { userId } : undefined };
}

/** What core would announce for the same change; made anew where core is not the one who asks. */
export function announceJoined({ appId, channel, member }: SubscriptionHolding): Announcement | undefined {
  if (member?.info === undefined) return undefined;
  return { topic: channelTopic(appId, channel), frame: memberAdded(channel, member.userId, member.info) };
}

export function announceLeft({ appId, channel, member }: SubscriptionHolding): Announcement | undefined {
  return member && { topic: channelTopic(appId, channel), frame: memberRemoved(channel, member.userId) };
}

export function announceUser(name: 'online' | 'offline', { appId, userId }: SignInHolding): Announcement {
  return { topic: watchersTopic(appId, userId), frame: watchlistEvents([{ name, user_ids: [userId] }]) };
}
