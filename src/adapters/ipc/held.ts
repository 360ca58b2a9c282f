// What one worker holds in the primary's tracker, and how it is let go of when the worker is gone: with the announcements
// the worker would have made.
import type { Departure, Tracker } from '../../core/ports.ts';
import { announceLeft, announceUser, type Holding, type SubscriptionHolding } from '../holdings.ts';

export class Held {
  readonly #holdings = new Map<string, Holding>();

  get size(): number {
    return this.#holdings.size;
  }

  add(holding: Holding): void {
    this.#holdings.set(keyOf(holding), holding);
  }

  remove(holding: Holding): void {
    this.#holdings.delete(keyOf(holding));
  }

  /** @returns the subscriptions that ended. */
  async letGo(tracker: Tracker): Promise<Departure[]> {
    const departures: Departure[] = [];
    for (const holding of this.#holdings.values()) {
      const { type, appId, socketId } = holding;
      if (type === 'subscription') departures.push(await leave(tracker, holding));
      else if (type === 'connection') await tracker.disconnect(appId, socketId);
      else await tracker.signOut(appId, holding.userId, socketId, announceUser('offline', holding));
    }
    this.#holdings.clear();
    return departures;
  }
}

async function leave(tracker: Tracker, holding: SubscriptionHolding): Promise<Departure> {
  const { appId, channel, socketId, member } = holding;
  const announce = announceLeft(holding);
  const presence = member && announce && { userId: member.userId, announce };
  const left = await tracker.leave({ appId, channel, socketId, presence });
  return { appId, channel, userId: member?.userId, left };
}

/** App ids hold no "/", and neither do socket ids; a socket is on a channel once, and signed in as one user. */
function keyOf(holding: Holding): string {
  const { type, appId, socketId } = holding;
  return `${appId}/${socketId}/${type}${type === 'subscription' ? `/${holding.channel}` : ''}`;
}
