// Subscribe (websocket.md §4, §7, §9). Verify before you create: a refused subscriber leaves nothing behind.
import { channelKind, isChannelName } from '../protocol/channel-name.ts';
import {
  channelNameNotAllowed,
  channelNameTooLong,
  failures,
  presenceFull,
  refusedJoin,
  tooManyChannels,
} from '../protocol/errors.ts';
import { hasMoreCharacters } from '../protocol/length.ts';
import { cacheMiss, event, memberAdded, subscriptionSucceeded } from '../protocol/server-message.ts';
import type { Connection } from './connection.ts';
import { hasJoined } from './consequences.ts';
import type { Context } from './context.ts';
import { endWithGrant } from './expiry.ts';
import { type Grant, grantOf, type SubscribeMessage } from './grant.ts';
import { leave } from './leave.ts';
import { roster } from './presence.ts';
import { Subscription } from './subscription.ts';
import { channelTopic } from './topics.ts';
import { forgetUser, listenAsUser } from './users.ts';

/**
 * Joins the connection to a channel and acknowledges it, also when it is there already: then the new grant replaces the
 * old one, and a repeated join as another user leaves first.
 * @throws ProtocolError, never fatal. An existing subscription stays as it was, unless the room was full for the other
 * user it was repeated as, or the user is denied.
 */
export async function subscribe(context: Context, connection: Connection, message: SubscribeMessage): Promise<void> {
  const { channel } = message;
  checkName(connection, channel);
  const grant = grantOf(connection, message, Date.now());
  const existing = connection.subscriptions.get(channel);
  if (existing !== undefined && existing.userId === grant.userId) {
    await renew(context, connection, channel, existing, grant);
    return;
  }
  if (existing !== undefined) await leave(context, connection, channel);
  const { channelsPerConnection } = connection.app.limits;
  if (channelsPerConnection > 0 && connection.subscriptions.size >= channelsPerConnection) {
    throw tooManyChannels(channel, channelsPerConnection);
  }
  await join(context, connection, channel, grant);
}

function checkName({ app }: Connection, channel: string): void {
  const { channelNameLength } = app.limits;
  if (hasMoreCharacters(channel, channelNameLength)) throw channelNameTooLong(channel, channelNameLength);
  if (!isChannelName(channel, app.anyChannelName)) throw channelNameNotAllowed(channel);
}

async function join(context: Context, connection: Connection, channel: string, grant: Grant): Promise<void> {
  const { app, socketId } = connection;
  const { member } = grant;
  const topic = channelTopic(app.id, channel);
  const subscription = new Subscription(connection, grant);
  const joined = await enter(context, connection, channel, subscription);
  connection.subscriptions.set(channel, subscription);
  context.hub.know(topic, joined.change, joined.members);
  if (joined.partial) connection.missesSomething = true;
  endWithGrant(context, connection, channel, subscription, grant.endsAtMs);
  if (channelKind(channel).guarded) connection.authorized = true;
  connection.send(subscriptionSucceeded(channel, member && roster(joined.members)));
  context.log.trace({ appId: app.id, socketId, topic }, 'subscribed');
  hasJoined(context, app, channel, member?.userId, joined);
  try {
    await replay(context, connection, channel, subscription);
  } finally {
    subscription.release(joined.change);
  }
}

/** Hub first, held, then tracker: nothing is missed between the two. Undone when either fails. */
async function enter(context: Context, connection: Connection, channel: string, subscription: Subscription) {
  const { app, socketId } = connection;
  const { member, userId } = subscription;
  const topic = channelTopic(app.id, channel);
  try {
    await context.hub.add(topic, subscription);
    // Before the tracker is asked: from here on a removal reaches the connection, and before this a denial does.
    if (userId !== undefined) await listenAsUser(context, connection, userId);
    const joined = await context.tracker.join({
      appId: app.id,
      channel,
      socketId,
      users: [userId, connection.user?.id],
      presence: member && {
        member,
        limit: app.limits.presenceMembers,
        announce: { topic, frame: memberAdded(channel, member.userId, member.info) },
      },
    });
    if (joined.refused === 'full') throw presenceFull(channel);
    if (joined.refused === 'denied') throw refusedJoin(failures.denied(channel, joined.seconds));
    return joined;
  } catch (err) {
    context.hub.remove(topic, subscription);
    if (userId !== undefined) forgetUser(context, connection, userId);
    throw err;
  }
}

/** A denied user who is still here, as the removal was lost on its way, leaves now. */
async function renew(
  context: Context,
  connection: Connection,
  channel: string,
  subscription: Subscription,
  grant: Grant,
): Promise<void> {
  const users = [grant.userId, connection.user?.id].filter((id) => id !== undefined);
  const denied = users.map((id) => context.tracker.deniedSeconds(connection.app.id, channel, id));
  const seconds = Math.max(0, ...(await Promise.all(denied)));
  if (seconds > 0) {
    await leave(context, connection, channel);
    throw refusedJoin(failures.denied(channel, seconds));
  }
  endWithGrant(context, connection, channel, subscription, grant.endsAtMs);
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
  const { id: appId, cacheTtlSeconds } = connection.app;
  const topic = channelTopic(appId, channel);
  const cached = await context.eventCache.get(appId, channel);
  if (cached === undefined) {
    connection.send(cacheMiss(channel));
    if (context.cacheMisses.missed(topic, performance.now(), cacheTtlSeconds * 1000))
      context.facts.announce({ type: 'cache_miss', appId, channel });
    return;
  }
  context.cacheMisses.over(topic);
  const frame = event(cached.name, channel, cached.data);
  // Published while the join was under way: it comes with the held frames.
  if (!subscription.holds(frame)) connection.send(frame);
}
