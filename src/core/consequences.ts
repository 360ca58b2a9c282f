// What follows of a change of who is where, whoever made it: facts, and the channel's count.
import { serverToUserId } from '../protocol/channel-name.ts';
import { isUnavailable } from '../protocol/errors.ts';
import type { App } from './app.ts';
import type { Context } from './context.ts';
import type { Left, Return, Topic } from './ports.ts';

/** Of a subscription that began. @param userId the member, on presence channels */
export function hasJoined(
  { facts, counts }: Context,
  app: App,
  channel: string,
  userId: string | undefined,
  joined: Return['joined'],
): void {
  const appId = app.id;
  if (joined.occupied && serverToUserId(channel) === undefined)
    facts.announce({ type: 'channel_occupied', appId, channel });
  if (userId !== undefined && joined.memberAdded) facts.announce({ type: 'member_added', appId, channel, userId });
  counts.changed(app, channel, joined.subscriptionCount);
}

/** Of a subscription that ended. @param userId the member, on presence channels */
export function hasLeft(
  { facts, counts }: Context,
  app: App,
  channel: string,
  userId: string | undefined,
  left: Left,
): void {
  const appId = app.id;
  if (userId !== undefined && left.memberRemoved) facts.announce({ type: 'member_removed', appId, channel, userId });
  if (left.vacated && serverToUserId(channel) === undefined)
    facts.announce({ type: 'channel_vacated', appId, channel });
  counts.changed(app, channel, left.subscriptionCount);
}

/** A channel's count, to those who are on it. */
export function sendCount(
  context: Context,
  app: App,
  channel: string,
  topic: Topic,
  frame: Buffer,
  count: number,
): void {
  const { broker, facts, log } = context;
  facts.announce({ type: 'subscription_count', appId: app.id, channel, count });
  if (count === 0) return;
  broker.publish(topic, { type: 'frame', frame }).catch((err: unknown) => {
    if (isUnavailable(err)) return;
    log.warn({ err, appId: app.id }, 'a subscription count could not be published');
  });
}
