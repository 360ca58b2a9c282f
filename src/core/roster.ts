// Who is on a presence channel as the sockets of this node have been told, kept from the announcements that passed: what
// was lost on its way is found by comparing it with what the tracker knows.
import { frameText } from '../protocol/frame.ts';
import { readJson } from '../protocol/json.ts';
import { memberAdded, memberRemoved } from '../protocol/server-message.ts';
import type { Member } from './ports.ts';

interface Announced {
  readonly change: number;
  readonly userId: string;
  readonly added: boolean;
}

export class Roster {
  #ids: Set<string> | undefined;
  #change = 0;
  /** Announced before the first snapshot was here. */
  #early: Announced[] = [];

  /** The number of the last change that the sockets know; undefined before the first snapshot. */
  get change(): number | undefined {
    return this.#ids && this.#change;
  }

  /** The snapshot of a socket that joined. Those after the first say nothing new. */
  know(change: number, members: readonly Member[]): void {
    if (this.#ids !== undefined) return;
    this.#ids = new Set(members.map(({ userId }) => userId));
    this.#change = change;
    for (const announced of this.#early) this.#apply(announced);
    this.#early = [];
  }

  /** An announcement that goes to the sockets. */
  heard(change: number, frame: Buffer): void {
    const announced = announcedIn(change, frame);
    if (announced === undefined) return;
    if (this.#ids === undefined) this.#early.push(announced);
    else this.#apply(announced);
  }

  /** @returns the announcements the sockets did not get; from here on they know these members */
  correct(channel: string, change: number, members: readonly Member[]): Buffer[] {
    const known = this.#ids ?? new Set<string>();
    const present = new Set(members.map(({ userId }) => userId));
    const gone = [...known].filter((id) => !present.has(id)).map((id) => memberRemoved(channel, id));
    const come = members
      .filter(({ userId }) => !known.has(userId))
      .map(({ userId, info }) => memberAdded(channel, userId, info));
    this.#ids = present;
    this.#change = change;
    return [...gone, ...come];
  }

  #apply({ change, userId, added }: Announced): void {
    if (change <= this.#change) return;
    this.#change = change;
    if (added) this.#ids?.add(userId);
    else this.#ids?.delete(userId);
  }
}

const EVENTS: Readonly<Record<string, boolean>> = {
  'pusher_internal:member_added': true,
  'pusher_internal:member_removed': false,
};

function announcedIn(change: number, frame: Buffer): Announced | undefined {
  const { event = '', data = '' } = (readJson(frameText(frame)) ?? {}) as { event?: string; data?: string };
  const { user_id: userId } = (readJson(data) ?? {}) as { user_id?: string };
  const added = EVENTS[event];
  return added === undefined || userId === undefined ? undefined : { change, userId, added };
}
