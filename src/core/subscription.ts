// One connection's listening to one topic. Frames that arrive before the join is acknowledged are held, in order: a
// client replaces its member list with the snapshot, so a member_added delivered before it would be lost.
import type { Ending } from '../protocol/errors.ts';
import type { Member } from './ports.ts';

/** What a subscription knows of its connection. */
export interface Recipient {
  readonly socketId: string;
  send(frame: Buffer): void;
  end(ending: Ending): void;
  revoke(userId: string, channel: string, beforeMs: number): void;
}

/** As whom a connection listens, where it is as somebody. */
export interface Identity {
  readonly member?: Member | undefined;
  readonly userId?: string | undefined;
}

interface Held {
  readonly frame: Buffer;
  readonly change: number | undefined;
}

export class Subscription {
  readonly socketId: string;
  /** Who joined, on presence channels. */
  readonly member: Member | undefined;
  /** The member, the user whom the grant of another channel names, or whose own topic this is. */
  readonly userId: string | undefined;
  /** Calls off the end that comes with the grant's; undefined where none is to come. */
  endAlarm: (() => void) | undefined;
  readonly sinceMs = performance.now();
  readonly #recipient: Recipient;
  #held: Held[] | undefined = [];
  /** The change the client's snapshot is of. */
  #snapshot = 0;

  /** Starts held. */
  constructor(recipient: Recipient, { member, userId }: Identity = {}) {
    this.socketId = recipient.socketId;
    this.#recipient = recipient;
    this.member = member;
    this.userId = userId;
  }

  /** @param change of an announcement; what the snapshot has is not announced once more */
  send(frame: Buffer, change?: number): void {
    if (this.#held !== undefined) this.#held.push({ frame, change });
    else if (change === undefined || change > this.#snapshot) this.#recipient.send(frame);
  }

  /**
   * Sends announcements that were lost on their way to the node.
   * @param known the change up to which all subscribers of the node know the members
   * @param change the change that they know with these frames
   * @returns false for one that knows other members, having joined meanwhile: nothing is sent
   */
  catchUp(known: number, change: number, frames: readonly Buffer[]): boolean {
    if (this.#held !== undefined || this.#snapshot > known) return false;
    this.#snapshot = change;
    for (const frame of frames) this.#recipient.send(frame);
    return true;
  }

  /** Ends the whole connection. */
  terminate(ending: Ending): void {
    this.#recipient.end(ending);
  }

  /** On a user's own topic: that user is removed from the channel, where they joined it before that time. */
  revoke(channel: string, beforeMs: number): void {
    if (this.userId !== undefined) this.#recipient.revoke(this.userId, channel, beforeMs);
  }

  callOffEnd(): void {
    this.endAlarm?.();
    this.endAlarm = undefined;
  }

  /** Holds what arrives from now on. */
  hold(): void {
    this.#held ??= [];
  }

  /** Whether this very frame waits here already: a cached event that is also on its way. */
  holds(frame: Buffer): boolean {
    return this.#held?.some((held) => held.frame.equals(frame)) ?? false;
  }

  /** Sends what was held, then passes frames straight on. @param snapshot the change the client's snapshot is of */
  release(snapshot = this.#snapshot): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#snapshot = snapshot;
    for (const { frame, change } of held) this.send(frame, change);
  }
}
