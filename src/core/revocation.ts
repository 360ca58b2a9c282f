// Removing a user from one channel, in the whole cluster, and denying them to come back for a while.
import { failures } from '../protocol/errors.ts';
import type { App } from './app.ts';
import type { Connection } from './connection.ts';
import type { Context } from './context.ts';
import { expel } from './leave.ts';
import { userTopic } from './topics.ts';

/**
 * Removes the user from the channel, whichever kind it is: every connection that joined as this user or is signed in as
 * such leaves it, and stays connected. For `denySeconds` from now they may not join again, in place of what an earlier
 * call said; 0 changes no denial, and lifts none.
 * A node that does not listen at that moment carries it out when it listens again.
 * @throws RequestError 503; a denial may hold by then, and the removal not: ask again.
 */
export async function unsubscribeUser(
  context: Context,
  app: App,
  userId: string,
  channel: string,
  denySeconds: number,
): Promise<void> {
  // First, so that a join is denied, or was made by a connection that the message reaches.
  if (denySeconds > 0) await context.tracker.deny(app.id, channel, userId, denySeconds);
  await context.broker.publish(userTopic(app.id, userId), { type: 'unsubscribe', channel });
}

/**
 * What becomes of it at one of the user's connections, in turn with its messages.
 * @param beforeMs who joined later is not meant
 */
export async function revoke(
  context: Context,
  connection: Connection,
  userId: string,
  channel: string,
  beforeMs: number,
): Promise<void> {
  const subscription = connection.subscriptions.get(channel);
  if (subscription === undefined || subscription.sinceMs > beforeMs) return;
  // It may be this user's on other channels only.
  if (subscription.userId !== userId && connection.user?.id !== userId) return;
  await expel(context, connection, failures.revoked(channel));
}
