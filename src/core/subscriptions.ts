// Subscribe, unsubscribe, leave all (websocket.md §4, §7, §9). Verify before you create: a refused subscriber leaves
// nothing behind.
import { channelKind, isChannelName, serverToUserId } from '../protocol/channel-name.ts';
import type { ClientMessage } from '../protocol/client-message.ts';
import {
  channelNameNotAllowed,
  channelNameTooLong,
  presenceFull,
  tooManyChannels,
  unauthorized,
} from '../protocol/errors.ts';
import { hasMoreCharacters } from '../protocol/length.ts';
import { cacheMiss, event, memberAdded, memberRemoved, subscriptionSucceeded } from '../protocol/server-message.ts';
import { channelText, isSigned } from '../protocol/signature.ts';
import type { Connection } from './connection.ts';
import type { Context } from './context.ts';
import type { Member } from './ports.ts';
import { memberOf, roster } from './presence.ts';
import { Subscription } from './subscription.ts';
import { channelTopic } from './topics.ts';
import { forgetUser, listenAsUser } from './users.ts';

type SubscribeMessage = Extract<ClientMessage, { type: 'subscribe' }>;

/**
 * Joins the connection to a channel and acknowledges it, also when it is there already. A repeated join as another
 * user leaves first.
 * @throws ProtocolError, never fatal. An existing subscription stays as it was, unless the room was full for the other
 * user it was repeated as.
 */
export async function subscribe(context: Context, connection: Connection, message: SubscribeMessage): Promise<void> {
  const { channel } = message;
  checkName(connection, channel);
  const member = checkJoin(connection, message);
  const existing = connection.subscriptions.get(channel);
  if (existing !== undefined && existing.member?.userId === member?.userId) {
    await acknowledgeAgain(context, connection, channel, existing);
    return;
  }
  if (existing !== undefined) await leave(context, connection, channel);
  const { channelsPerConnection } = connection.app.limits;
  if (channelsPerConnection > 0 && connection.subscriptions.size >= channelsPerConnection) {
    throw tooManyChannels(channel, channelsPerConnection);
  }
  await join(context, connection, channel, member);
}

function checkName({ app }: Connection, channel: string): void {
  const { channelNameLength } = app.limits;
  if (hasMoreCharacters(channel, channelNameLength)) throw channelNameTooLong(channel, channelNameLength);
  if (!isChannelName(channel, app.anyChannelName)) throw channelNameNotAllowed(channel);
}

/** @returns the member on presence channels. */
function checkJoin(connection: Connection, message: SubscribeMessage): Member | undefined {
  const { app, user } = connection;
  const { channel } = message;
  const ownUser = serverToUserId(channel);
  if (ownUser !== undefined && ownUser !== user?.id) throw unauthorized(channel, app.strict);
  const kind = channelKind(channel);
  if (!kind.guarded) return undefined;
  const data = verifiedData(connection, message);
  return kind.presence ? memberOf(channel, data, user, app.limits.memberInfoBytes) : undefined;
}

/**
 * The channel_data the signature covers. On channels without presence a token that was signed without it is taken as
 * well, and the data, which nobody vouches for, is dropped (auth.md §2).
 */
function verifiedData({ app, socketId }: Connection, message: SubscribeMessage): string | undefined {
  const { channel, auth, channelData } = message;
  if (isSigned(app, auth, channelText(socketId, channel, channelData))) return channelData;
  if (channelData !== undefined && !channelKind(channel).presence) {
    if (isSigned(app, auth, channelText(socketId, channel, undefined))) return undefined;
  }
  throw unauthorized(channel, app.strict);
}

async function join(
  context: Context,
  connection: Connection,
  channel: string,
  member: Member | undefined,
): Promise<void> {
  const { app, socketId } = connection;
  const topic = channelTopic(app.id, channel);
  const subscription = new Subscription(connection, member);
  const joined = await enter(context, connection, channel, subscription);
  connection.subscriptions.set(channel, subscription);
  if (channelKind(channel).guarded) connection.authorized = true;
  connection.send(subscriptionSucceeded(channel, member && roster(joined.members)));
  await replay(context, connection, channel, subscription);
  subscription.release(joined.change);
  context.log.trace({ appId: app.id, socketId, topic }, 'subscribed');
  if (joined.occupied && serverToUserId(channel) === undefined) {
    context.facts.announce({ type: 'channel_occupied', appId: app.id, channel });
  }
  if (member !== undefined && joined.memberAdded) {
    context.facts.announce({ type: 'member_added', appId: app.id, channel, userId: member.userId });
  }
  context.counts.changed(app, channel, joined.subscriptionCount);
}

/** Hub first, held, then tracker: nothing is missed between the two. Undone when either fails. */
async function enter(context: Context, connection: Connection, channel: string, subscription: Subscription) {
  const { app, socketId } = connection;
  const { member } = subscription;
  const topic = channelTopic(app.id, channel);
  try {
    await context.hub.add(topic, subscription);
    if (member !== undefined) await listenAsUser(context, connection, member.userId);
    const joined = await context.tracker.join({
      appId: app.id,
      channel,
      socketId,
      presence: member && {
        member,
        limit: app.limits.presenceMembers,
        announce: { topic, frame: memberAdded(channel, member.userId, member.info) },
      },
    });
    if (joined.full) throw presenceFull(channel);
    return joined;
  } catch (err) {
    context.hub.remove(topic, subscription);
    if (member !== undefined) forgetUser(context, connection, member.userId);
    throw err;
  }
}

async function acknowledgeAgain(
  context: Context,
  connection: Connection,
  channel: string,
  subscription: Subscription,
): Promise<void> {
  subscription.hold();
  try {
    const presence = subscription.member !== undefined;
    const members = presence ? await context.tracker.members(connection.app.id, channel) : [];
    connection.send(subscriptionSucceeded(channel, presence ? roster(members) : undefined));
    await replay(context, connection, channel, subscription);
  } finally {
    subscription.release();
  }
}

/** Cache channels: the last event, or that there is none (websocket.md §9). */
async function replay(
  context: Context,
  connection: Connection,
  channel: string,
  subscription: Subscription,
): Promise<void> {
  if (!channelKind(channel).cache) return;
  const appId = connection.app.id;
  const cached = await context.eventCache.get(appId, channel);
  if (cached === undefined) {
    connection.send(cacheMiss(channel));
    context.facts.announce({ type: 'cache_miss', appId, channel });
    return;
  }
  const frame = event(cached.name, channel, cached.data);
  // Published while the join was under way: it comes with the held frames.
  if (!subscription.holds(frame)) connection.send(frame);
}

/** Leaves the channel; unknown channels are ignored (websocket.md §4.5). */
export async function unsubscribe(context: Context, connection: Connection, channel: string): Promise<void> {
  if (connection.subscriptions.has(channel)) await leave(context, connection, channel);
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

async function leave(context: Context, connection: Connection, channel: string): Promise<void> {
  const { app, socketId, subscriptions } = connection;
  const subscription = subscriptions.get(channel);
  if (subscription === undefined) return;
  subscriptions.delete(channel);
  const topic = channelTopic(app.id, channel);
  context.hub.remove(topic, subscription);
  const userId = subscription.member?.userId;
  if (userId !== undefined) forgetUser(context, connection, userId);
  const left = await context.tracker.leave({
    appId: app.id,
    channel,
    socketId,
    presence: userId === undefined ? undefined : { userId, announce: { topic, frame: memberRemoved(channel, userId) } },
  });
  if (userId !== undefined && left.memberRemoved) {
    context.facts.announce({ type: 'member_removed', appId: app.id, channel, userId });
  }
  if (left.vacated && serverToUserId(channel) === undefined) {
    context.facts.announce({ type: 'channel_vacated', appId: app.id, channel });
  }
  context.counts.changed(app, channel, left.subscriptionCount);
}
