// Whether channels are vacated and members gone, as the cluster has it now.
import type { Tracker } from '../core/ports.ts';
import type { WebhookEvent } from '../protocol/webhook.ts';

/** @param events of removals. @returns for each whether it is true still */
export async function areTrue(
  tracker: Pick<Tracker, 'counts' | 'members'>,
  appId: string,
  events: readonly WebhookEvent[],
): Promise<readonly boolean[]> {
  const vacated = distinct(events.filter(({ name }) => name === 'channel_vacated'));
  const left = distinct(events.filter(({ name }) => name === 'member_removed'));
  const counts = vacated.length === 0 ? [] : await tracker.counts(appId, vacated);
  const occupied = new Set(vacated.filter((_, index) => (counts[index]?.subscriptionCount ?? 0) > 0));
  const present = new Map<string, ReadonlySet<string>>();
  for (const channel of left) {
    const members = await tracker.members(appId, channel);
    present.set(channel, new Set(members.map(({ userId }) => userId)));
  }
  return events.map(({ name, channel, user_id: userId = '' }) =>
    name === 'channel_vacated' ? !occupied.has(channel) : !present.get(channel)?.has(userId),
  );
}

function distinct(events: readonly WebhookEvent[]): string[] {
  return [...new Set(events.map(({ channel }) => channel))];
}
