// Leaving channels: as asked, as the connection is gone, or as it may not stay (websocket.md §4.5).
import { serverToUserId } from '../protocol/channel-name.ts';
import type { SubscriptionFailure } from '../protocol/errors.ts';
import { memberRemoved, subscriptionError } from '../protocol/server-message.ts';
import type { App } from './app.ts';
import type { Connection } from './connection.ts';
import type { Context } from './context.ts';
import type { Left } from './ports.ts';
import { channelTopic } from './topics.ts';
import { forgetUser } from './users.ts';

/** Leaves the channel; unknown channels are ignored. Nothing of it reaches the connection from here on. */
export async function leave(context: Context, connection: Connection, channel: string): Promise<void> {
  const { app, socketId, subscriptions } = connection;
  const subscription = subscriptions.get(channel);
  if (subscription === undefined) return;
  subscriptions.delete(channel);
  subscription.callOffEnd();
  const topic = channelTopic(app.id, channel);
  context.hub.remove(topic, subscription);
  const { member, userId } = subscription;
  if (userId !== undefined) forgetUser(context, connection, userId);
  const left = await context.tracker.leave({
    appId: app.id,
    channel,
    socketId,
    presence: member && {
      userId: member.userId,
      announce: { topic, frame: memberRemoved(channel, member.userId) },
    },
  });
  hasLeft(context, app, channel, member?.userId, left);
}

/** What follows of a subscription that ended. @param userId the member, on presence channels */
export function hasLeft(context: Context, app: App, channel: string, userId: string | undefined, left: Left): void {
  if (userId !== undefined && left.memberRemoved) {
    context.facts.announce({ type: 'member_removed', appId: app.id, channel, userId });
  }
  if (left.vacated && serverToUserId(channel) === undefined) {
    context.facts.announce({ type: 'channel_vacated', appId: app.id, channel });
  }
  context.counts.changed(app, channel, left.subscriptionCount);
}

/** Leaves in the name of a connection that did not ask for it, and then tells it why. */
export async function expel(context: Context, connection: Connection, failure: SubscriptionFailure): Promise<void> {
  const { app, socketId } = connection;
  const { channel, type } = failure;
  await leave(context, connection, channel);
  connection.send(subscriptionError(failure));
  context.log.debug({ appId: app.id, socketId, channel, type }, 'removed from a channel');
}

/** Every channel of a connection that is gone. One that cannot be left is logged, and the others are left. */
export async function leaveAll(context: Context, connection: Connection): Promise<void> {
  for (const channel of [...connection.subscriptions.keys()]) {
    try {
      await leave(context, connection, channel);
    } catch (err) {
      context.log.error({ err, appId: connection.app.id, socketId: connection.socketId }, 'a channel was not left');
    }
  }
}
