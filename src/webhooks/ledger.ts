// The entries of one app that are in hand: how many endpoints have each, and which are to have it later.

interface InHand {
  /** How many have it. */
  holders: number;
  readonly skippers: Set<object>;
}

export class Ledger {
  /** By entryId, in the order of the queue. */
  readonly #entries = new Map<string, InHand>();
  readonly #onDone: (entryIds: readonly string[]) => void;

  /** @param onDone is told of entries that nobody has and nobody waits for any more */
  constructor(onDone: (entryIds: readonly string[]) => void) {
    this.#onDone = onDone;
  }

  /** @param skippers those that are to have it, and have no room */
  add(entryId: string, holders: number, skippers: Iterable<object>): void {
    this.#entries.set(entryId, { holders, skippers: new Set(skippers) });
  }

  /** One that had no room for it has it now. @returns whether it was to have it */
  take(entryId: string, skipper: object): boolean {
    const inHand = this.#entries.get(entryId);
    if (inHand === undefined || !inHand.skippers.delete(skipper)) return false;
    inHand.holders += 1;
    return true;
  }

  /** One of the holders is done with each. */
  release(entryIds: readonly string[]): void {
    const done: string[] = [];
    for (const entryId of entryIds) {
      const inHand = this.#entries.get(entryId);
      if (inHand === undefined) continue;
      inHand.holders -= 1;
      if (this.#isOver(entryId, inHand)) done.push(entryId);
    }
    if (done.length > 0) this.#onDone(done);
  }

  /** It is not going to have what it had no room for. @returns how many those were */
  forget(skipper: object): number {
    const done: string[] = [];
    let skipped = 0;
    for (const [entryId, inHand] of this.#entries) {
      if (!inHand.skippers.delete(skipper)) continue;
      skipped += 1;
      if (this.#isOver(entryId, inHand)) done.push(entryId);
    }
    if (done.length > 0) this.#onDone(done);
    return skipped;
  }

  /** The queue keeps no more than these; the others it has dropped. */
  keepNewest(count: number): void {
    for (const entryId of this.#entries.keys()) {
      if (this.#entries.size <= count) return;
      this.#entries.delete(entryId);
    }
  }

  #isOver(entryId: string, { holders, skippers }: InHand): boolean {
    return holders === 0 && skippers.size === 0 && this.#entries.delete(entryId);
  }
}
