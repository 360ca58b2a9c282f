// What of an app's events goes to one endpoint, and when: batches, delays, opposites that cancel, order. Pure over time:
// it is told what time it is and has no timers. Two clocks: `nowMs` is that of durations (performance.now()); `atMs` of
// an event is the wall clock of the node where it happened.
import type { Webhook } from '../core/app-webhooks.ts';
import { CACHE_MISS_FLOOR_MS } from '../core/cache-misses.ts';
import type { Entry } from '../core/webhook-queue.ts';
import type { WebhookEvent } from '../protocol/webhook.ts';

/** An entry as an endpoint is given it. */
export type Held = Pick<Entry, 'entryId' | 'id' | 'event' | 'atMs' | 'endpoint'>;

export type BatchSettings = Pick<Webhook, 'events' | 'batchMs' | 'batchEvents' | 'vacatedDelayMs'>;

interface Ready {
  readonly held: Held;
  readonly key: string;
  readonly sinceMs: number;
}

/** A removal whose delay is not over, or that is doubted. Of several in a row the last counts. */
interface Removal {
  readonly all: Held[];
  /** When it is to be judged; when doubted, when it is given up. */
  dueMs: number;
  doubted: boolean;
}

/** Payloads of one request, about: below what web servers take unasked (nginx: 1 MB), JSON escapes included. */
const BATCH_CHARACTERS = 384 * 1024;
/** How long what contradicts a removal may take to come through the queue. */
const DOUBT_MS = 30_000;
/** How far the clocks of two servers may be apart. */
const SKEW_MS = 5000;

export class Batches {
  #settings: BatchSettings;
  /** In the order of adding. */
  #ready: Ready[] = [];
  /** Channels with events that are on their way, or failed: the next wait behind them. */
  readonly #closed = new Set<string>();
  readonly #removals = new Map<string, Removal>();
  /** The last cache_miss of channels, oldest first. */
  readonly #misses = new Map<string, number>();

  constructor(settings: BatchSettings) {
    this.#settings = settings;
  }

  /** For what is added and taken from here on. */
  configure(settings: BatchSettings): void {
    this.#settings = settings;
  }

  /**
   * Takes an event in. A removal waits for its delay, and takes its place in the order of its channel when that is over:
   * what others do in the meantime does not wait for it.
   * @returns what is not going to be sent: this one as it is only to undo others, or it and its opposite
   */
  add(held: Held, nowMs: number, wallMs: number): readonly Held[] {
    const { event } = held;
    const subject = subjectOf(held);
    if (event.name === 'channel_vacated' || event.name === 'member_removed') {
      // Not later than the delay from now, however wrong another node's clock is.
      const leftMs = Math.min(held.atMs + this.#settings.vacatedDelayMs - wallMs, this.#settings.vacatedDelayMs);
      const removal = this.#removals.get(subject) ?? { all: [], dueMs: 0, doubted: false };
      removal.all.push(held);
      removal.dueMs = nowMs + Math.max(0, leftMs);
      removal.doubted = false;
      this.#removals.set(subject, removal);
      return [];
    }
    if (event.name === 'channel_occupied' || event.name === 'member_added') return this.#undo(held, subject, nowMs);
    if (event.name === 'cache_miss' && held.endpoint === undefined && this.#isRepeated(held)) return [held];
    return this.#push(held, nowMs);
  }

  /** Removals whose delay is over: whether they are true is to be found out, and told to `judge`. */
  due(nowMs: number): readonly Held[] {
    const due: Held[] = [];
    for (const { all, dueMs, doubted } of this.#removals.values()) {
      const last = all.at(-1);
      if (!doubted && dueMs <= nowMs && last !== undefined) due.push(last);
    }
    return due;
  }

  /**
   * Says whether a due removal is true now. One that is not stays in doubt until the opposite that must be on its way is
   * here, as facts of two nodes may be queued in the wrong order; without one it came before, and the removal is dropped.
   * @returns what is not going to be sent
   */
  judge(held: Held, isTrue: boolean, nowMs: number): readonly Held[] {
    const subject = subjectOf(held);
    const removal = this.#removals.get(subject);
    // Cancelled, or followed by another one, while it was found out.
    if (removal === undefined || removal.all.at(-1) !== held) return [];
    if (!isTrue) {
      removal.doubted = true;
      removal.dueMs = nowMs + DOUBT_MS;
      return [];
    }
    this.#removals.delete(subject);
    return [...removal.all.slice(0, -1), ...this.#push(held, nowMs)];
  }

  /** Removals that were doubted for long enough. @returns them; they are not going to be sent */
  giveUp(nowMs: number): readonly Held[] {
    const given: Held[] = [];
    for (const [subject, { all, dueMs, doubted }] of this.#removals) {
      if (!doubted || dueMs > nowMs) continue;
      this.#removals.delete(subject);
      given.push(...all);
    }
    return given;
  }

  /**
   * The next batch, when it is full or its first event has waited for long enough. Further events of its channels wait
   * until `open`.
   * @param unripe whether those that could wait for company go as well
   */
  take(nowMs: number, unripe = false): readonly Held[] | undefined {
    if (!unripe && this.ripeMs() > nowMs) return undefined;
    const taken: Ready[] = [];
    const left: Ready[] = [];
    /** One that has no room keeps those of its channel behind it. */
    const passed = new Set<string>();
    let characters = 0;
    for (const ready of this.#ready) {
      const size = ready.held.event.data?.length ?? 0;
      const fits = taken.length === 0 || characters + size <= BATCH_CHARACTERS;
      const isOpen = !this.#closed.has(ready.key) && !passed.has(ready.key);
      if (isOpen && fits && taken.length < this.#settings.batchEvents) {
        taken.push(ready);
        characters += size;
      } else {
        passed.add(ready.key);
        left.push(ready);
      }
    }
    if (taken.length === 0) return undefined;
    this.#ready = left;
    for (const { key } of taken) this.#closed.add(key);
    return taken.map(({ held }) => held);
  }

  /** A batch is done with: what waited behind it may go. */
  open(batch: readonly Held[]): void {
    for (const { event } of batch) this.#closed.delete(keyOf(event));
  }

  /** When there is something to `take`; infinite when only what happens outside changes that. */
  ripeMs(): number {
    let open = 0;
    let firstMs = Number.POSITIVE_INFINITY;
    for (const { key, sinceMs } of this.#ready) {
      if (this.#closed.has(key)) continue;
      open += 1;
      firstMs = Math.min(firstMs, sinceMs + this.#settings.batchMs);
      if (open >= this.#settings.batchEvents) return Number.NEGATIVE_INFINITY;
    }
    return firstMs;
  }

  /** When there is something to `judge` or to `giveUp`. */
  removalMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.#removals.values()) nextMs = Math.min(nextMs, dueMs);
    return nextMs;
  }

  #undo(held: Held, subject: string, nowMs: number): readonly Held[] {
    const removal = this.#removals.get(subject);
    const opposite = removal?.all[0];
    // One that was long before the removal undoes nothing: it is late, as the queue did not take it.
    if (removal === undefined || opposite === undefined || held.atMs < opposite.atMs - SKEW_MS) {
      return this.#push(held, nowMs);
    }
    removal.all.shift();
    if (removal.all.length === 0) this.#removals.delete(subject);
    if (held.atMs - opposite.atMs < this.#settings.vacatedDelayMs) return [opposite, held];
    return [...this.#push(opposite, nowMs), ...this.#push(held, nowMs)];
  }

  /** Each node announces a miss once; what several say within the floor is one. */
  #isRepeated({ event: { channel }, atMs }: Held): boolean {
    const lastMs = this.#misses.get(channel);
    if (lastMs !== undefined && Math.abs(atMs - lastMs) < CACHE_MISS_FLOOR_MS) return true;
    for (const [other, otherMs] of this.#misses) {
      if (atMs - otherMs < CACHE_MISS_FLOOR_MS) break;
      this.#misses.delete(other);
    }
    this.#misses.delete(channel);
    this.#misses.set(channel, atMs);
    return false;
  }

  /** @returns it where it is not going to be sent: it mattered only to its opposite */
  #push(held: Held, nowMs: number): readonly Held[] {
    if (held.endpoint === undefined && !this.#settings.events.includes(held.event.name)) return [held];
    this.#ready.push({ held, key: keyOf(held.event), sinceMs: nowMs });
    return [];
  }
}

/** Whose order is kept: a channel's, or a socket's where there is no channel. */
function keyOf({ channel, socket_id }: WebhookEvent): string {
  return channel === '' ? `:${socket_id ?? ''}` : channel;
}

/**
 * What comes and goes: a channel, or a member of one. No channel's name has a line break. One that is tried again is by
 * itself: what was then neither undoes nor stands for what is now.
 */
function subjectOf({ event: { channel, user_id }, endpoint, entryId }: Held): string {
  if (endpoint !== undefined) return `\n\n${entryId}`;
  return user_id === undefined ? channel : `${channel}\n${user_id}`;
}
