// Leaving channels: as asked, as the connection is gone, or as it may not stay (websocket.md §4.5).
import { isUnavailable, type SubscriptionFailure } from '../protocol/errors.ts';
import { memberRemoved, subscriptionError } from '../protocol/server-message.ts';
import type { Connection } from './connection.ts';
import { hasLeft } from './consequences.ts';
import type { Context } from './context.ts';
import type { Leave, Left } from './ports.ts';
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
  if (!context.hub.has(topic)) context.cacheMisses.over(topic);
  const { member, userId } = subscription;
  if (userId !== undefined) forgetUser(context, connection, userId);
  const presence = member && {
    userId: member.userId,
    announce: { topic, frame: memberRemoved(channel, member.userId) },
  };
  const left = await leaveCluster(context, { appId: app.id, channel, socketId, presence });
  if (left !== undefined) hasLeft(context, app, channel, member?.userId, left);
}

/** @returns undefined when the others cannot be told now: the adapter makes up for it, and then reports a departure. */
async function leaveCluster({ tracker }: Context, change: Leave): Promise<Left | undefined> {
  try {
    return await tracker.leave(change);
  } catch (err) {
    if (isUnavailable(err)) return undefined;
    throw err;
  }
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
