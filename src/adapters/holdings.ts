// What a node holds on behalf of one socket, as those know it who let go of it when the node is gone, and what they
// announce then; pure.
import type { Announcement, Member } from '../core/ports.ts';
import { channelTopic, watchersTopic } from '../core/topics.ts';
import { memberAdded, memberRemoved, watchlistEvents } from '../protocol/server-message.ts';

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
  /** On presence channels. Without `info` where only the leave is to be announced. */
  readonly member: (Pick<Member, 'userId'> & Partial<Member>) | undefined;
}

export interface SignInHolding {
  readonly type: 'sign-in';
  readonly appId: string;
  readonly socketId: string;
  readonly userId: string;
}

export type Holding = ConnectionHolding | SubscriptionHolding | SignInHolding;

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
