// Questions about channels: list, one channel, its members, counts (http-api.md §2, §4–§6).
import type { ChannelAnswer, ChannelCountsAnswer, CountsAsked } from '../protocol/api.ts';
import { channelKind, serverToUserId } from '../protocol/channel-name.ts';
import { requestErrors } from '../protocol/errors.ts';
import type { App } from './app.ts';
import type { Context } from './context.ts';
import type { ChannelCounts, Member } from './ports.ts';

export type CountedChannel = [channel: string, counts: ChannelCountsAnswer];

/** What was asked for and applies: users are counted on presence channels only. */
function answer(channel: string, counts: ChannelCounts | undefined, asked: CountsAsked): ChannelCountsAnswer {
  const answer: ChannelCountsAnswer = {};
  if (asked.userCount && channelKind(channel).presence) answer.user_count = counts?.userCount ?? 0;
  if (asked.subscriptionCount) answer.subscription_count = counts?.subscriptionCount ?? 0;
  return answer;
}

const NOTHING: ChannelCountsAnswer = Object.freeze({});

function isListed(channel: string): boolean {
  return serverToUserId(channel) === undefined;
}

/** Counts for each of the channels, zeros where nobody is. */
export async function countChannels(
  context: Context,
  app: App,
  channels: readonly string[],
  asked: CountsAsked,
): Promise<CountedChannel[]> {
  const counts = await context.tracker.counts(app.id, channels);
  return channels.map((channel, index) => [channel, answer(channel, counts[index], asked)]);
}

/**
 * Occupied channels by name, without the users' own ones.
 * @throws RequestError 400 on strict apps when users are to be counted without a presence- prefix.
 */
export async function listChannels(
  context: Context,
  app: App,
  prefix: string,
  asked: CountsAsked,
): Promise<CountedChannel[]> {
  if (app.strict && asked.userCount && !prefix.startsWith('presence-')) throw requestErrors.userCountFilter();
  if (!asked.userCount && !asked.subscriptionCount) {
    const names = await context.tracker.list(app.id, prefix);
    return names.filter(isListed).map((channel) => [channel, NOTHING]);
  }
  const listed: CountedChannel[] = [];
  for (const [channel, counts] of await context.tracker.listCounted(app.id, prefix)) {
    if (isListed(channel)) listed.push([channel, answer(channel, counts, asked)]);
  }
  return listed;
}

/**
 * One channel, whether anybody is there or not.
 * @throws RequestError 400 on strict apps when users of a channel without presence are to be counted.
 */
export async function describeChannel(
  context: Context,
  app: App,
  channel: string,
  asked: CountsAsked & { readonly cache: boolean },
): Promise<ChannelAnswer> {
  const kind = channelKind(channel);
  if (app.strict && asked.userCount && !kind.presence) throw requestErrors.userCountOfNonPresence();
  const [counts] = await context.tracker.counts(app.id, [channel]);
  const described: ChannelAnswer = {
    occupied: (counts?.subscriptionCount ?? 0) > 0,
    ...answer(channel, counts, asked),
  };
  if (asked.cache && kind.cache) {
    const cached = await context.eventCache.get(app.id, channel);
    described.cache = cached === undefined ? null : { data: cached.data, ttl: cached.ttlSeconds };
  }
  return described;
}

/** @throws RequestError 400 when the channel is not a presence channel. */
export async function listMembers(context: Context, app: App, channel: string): Promise<readonly Member[]> {
  if (!channelKind(channel).presence) throw requestErrors.usersOfNonPresence();
  return await context.tracker.members(app.id, channel);
}
