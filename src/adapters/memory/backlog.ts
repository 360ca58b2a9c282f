// One app's webhook events that wait, in the order they were added. An entry's number leads to its place, so nothing
// here gets slower with how many there are.
import { bytesOf, type Entry, type QueuedEvent } from '../../core/webhook-queue.ts';

/** Places of entries that are gone are given up when there are so many of them, and more than of others. */
const SPARE_PLACES = 1024;

export class Backlog {
  readonly #appId: string;
  /** By number, from `#base` on; undefined where an entry is gone. */
  #places: (Entry | undefined)[] = [];
  #base = 1;
  /** Before this place all are gone. */
  #head = 0;
  /** The number from which on nobody was given any. */
  #fresh = 1;
  #size = 0;
  #bytes = 0;

  constructor(appId: string) {
    this.#appId = appId;
  }

  get size(): number {
    return this.#size;
  }

  /** About what the entries take in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Places taken, also those of entries that are gone. */
  get span(): number {
    return this.#places.length;
  }

  add(event: QueuedEvent): void {
    const entryId = String(this.#base + this.#places.length);
    this.#places.push({ ...event, appId: this.#appId, entryId });
    this.#size += 1;
    this.#bytes += bytesOf(event);
  }

  /** Those that were not given yet, which they are now. */
  give(count: number): Entry[] {
    const given = this.#from(this.#fresh, this.#base + this.#places.length, count);
    this.#fresh = numberOf(given.at(-1)?.entryId ?? String(this.#fresh - 1)) + 1;
    return given;
  }

  /** Those that were given and are not removed, after this one. */
  left(count: number, after: string | undefined): Entry[] {
    return this.#from(numberOf(after ?? '0') + 1, this.#fresh, count);
  }

  remove(entryId: string): void {
    this.#removeAt(numberOf(entryId) - this.#base);
  }

  removeOldest(): void {
    this.#removeAt(this.#head);
  }

  #removeAt(at: number): void {
    const entry = this.#places[at];
    if (entry === undefined) return;
    this.#places[at] = undefined;
    this.#size -= 1;
    this.#bytes -= bytesOf(entry);
    this.#tidy();
  }

  #from(first: number, end: number, count: number): Entry[] {
    const some: Entry[] = [];
    for (let at = Math.max(first - this.#base, this.#head); at < end - this.#base && some.length < count; at += 1) {
      const entry = this.#places[at];
      if (entry !== undefined) some.push(entry);
    }
    return some;
  }

  #tidy(): void {
    while (this.#head < this.#places.length && this.#places[this.#head] === undefined) this.#head += 1;
    if (this.#head < SPARE_PLACES || this.#head * 2 < this.#places.length) return;
    this.#places = this.#places.slice(this.#head);
    this.#base += this.#head;
    this.#head = 0;
  }
}

/** NaN, which is no place, where it is not one of ours. */
function numberOf(entryId: string): number {
  return /^\d+$/.test(entryId) ? Number(entryId) : Number.NaN;
}
