// After this node did not hear the others for a while: what its sockets believe of presence channels is compared with what
// is true, and they are told what they missed.
import { endings, isUnavailable } from '../protocol/errors.ts';
import type { Context } from './context.ts';
import type { Link, Topic } from './ports.ts';
import type { Roster } from './roster.ts';
import type { Subscription } from './subscription.ts';
import { channelOfTopic } from './topics.ts';

/** Channels that are compared at a time. */
const AT_ONCE = 50;
/** Announcements that arrive meanwhile are newer than the answer: it is asked for again. */
const TRIES = 5;

/** Stops where the others cannot be reached: it is begun again when they can. Never rejects. */
export async function reconcile(context: Context, link: Link): Promise<void> {
  const known = [...context.hub.rosters()];
  try {
    for (let from = 0; from < known.length; from += AT_ONCE) {
      await Promise.all(known.slice(from, from + AT_ONCE).map((entry) => reconcileTopic(link, ...entry)));
    }
    if (known.length > 0) context.log.info({ channels: known.length }, 'presence compared with what is true');
  } catch (err) {
    if (!isUnavailable(err)) context.log.error({ err }, 'presence could not be compared with what is true');
  }
}

async function reconcileTopic(
  link: Link,
  topic: Topic,
  roster: Roster,
  subscriptions: ReadonlySet<Subscription>,
): Promise<void> {
  const { appId, channel } = channelOfTopic(topic);
  for (let tries = 0; tries < TRIES; tries += 1) {
    const { change, members } = await link.roster(appId, channel);
    const known = roster.change;
    // Nobody there: its sockets are leaving.
    if (known === undefined || subscriptions.size === 0 || members.length === 0) return;
    if (change < known) continue;
    const missed = roster.correct(channel, change, members);
    for (const subscription of [...subscriptions]) {
      // Who joined in the middle of it knows something that nobody else does.
      if (!subscription.catchUp(known, change, missed)) subscription.terminate(endings.restored);
    }
    return;
  }
}
