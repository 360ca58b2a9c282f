// Where webhook events wait until the application has them. One node of the cluster delivers at a time; what it had not
// delivered when it ended is read again by the next. Types, and what is kept.
import type { WebhookEvent } from '../protocol/webhook.ts';

/** An event as it is kept. */
export interface QueuedEvent {
  /** Made once: the same in every attempt and every repetition, so that applications know what they have seen. */
  readonly id: string;
  readonly event: WebhookEvent;
  /** Unix milliseconds of what happened. */
  readonly atMs: number;
  /** For this endpoint only, by its URL: it was dead-lettered there and is tried again. undefined: for all that want it. */
  readonly endpoint?: string | undefined;
  /** URLs of the endpoints that want it, as the node knew that queued it. */
  readonly wantedBy?: readonly string[] | undefined;
}

export interface Entry extends QueuedEvent {
  readonly appId: string;
  /** Of the queue: grows in the order of adding within an app. */
  readonly entryId: string;
}

/** Entries of one app, in the order of adding. */
export interface Page {
  readonly entries: readonly Entry[];
  /** There may be more. */
  readonly full: boolean;
}

/** An event that an endpoint did not take in all the time it was given. */
export interface DeadLetter {
  readonly letterId: string;
  readonly id: string;
  readonly event: WebhookEvent;
  readonly atMs: number;
  readonly endpoint: string;
  /** Why the last attempt failed, for people: no secret, no URL query. */
  readonly reason: string;
  readonly attempts: number;
  readonly diedAtMs: number;
}

/** One request to an endpoint, for operators. */
export interface Delivery {
  readonly endpoint: string;
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly events: number;
  /** Ids of the events, the first 20. */
  readonly ids: readonly string[];
  /** HTTP status; undefined where there was no answer. */
  readonly status?: number | undefined;
  /** undefined: it was taken. */
  readonly reason?: string | undefined;
  /** 1: the first. */
  readonly attempt: number;
}

/** Entries of one app that may wait, and about their bytes; above either the oldest are dropped and counted. */
export const QUEUED_EVENTS = 100_000;
export const QUEUED_BYTES = 64 * 1024 * 1024;
/** The same of an app's dead letters. */
export const DEAD_LETTERS = 10_000;
export const DEAD_LETTER_BYTES = 32 * 1024 * 1024;
export const DELIVERIES = 200;

/** What an event takes in memory, about: ids, names and objects are as long as each other. */
export function bytesOf({ event }: Pick<QueuedEvent, 'event'>): number {
  return 256 + (event.data?.length ?? 0);
}

export interface WebhookQueue {
  start(): Promise<void>;
  stop(): Promise<void>;
  /**
   * Resolves once they are kept, in this order, after all that were added before.
   * @returns how many of the app's oldest entries were dropped for it
   */
  add(appId: string, events: readonly QueuedEvent[]): Promise<number>;
  /**
   * Makes this node the one that delivers, or stay it, for `leaseMs` from now.
   * @returns false while another node is, and once to a node whose own lease has lapsed: others may have delivered
   * since, so whoever is told true after that reads what is left again
   */
  claim(leaseMs: number): Promise<boolean>;
  /** Another node may deliver at once. Nothing where this one does not. */
  release(): Promise<void>;
  /**
   * Entries for whoever delivers, of all apps, in the order of adding within each; at most `count` for each app.
   * `fresh`: that nobody was given yet. `left`: that were given to anybody and not removed, after `after` (an entryId
   * by app; absent: from the first).
   */
  read(which: 'fresh' | 'left', count: number, after?: ReadonlyMap<string, string>): Promise<readonly Entry[]>;
  /**
   * Of one app, at most `count` entries that were given to anybody and not removed, after `after` (an entryId;
   * undefined: from the first). For whoever delivers.
   */
  reread(appId: string, count: number, after: string | undefined): Promise<Page>;
  /** They are delivered, cancelled or dead. Unknown ones are ignored. */
  remove(appId: string, entryIds: readonly string[]): Promise<void>;
  /** Keeps letters, the newest of the app; the queue gives the letterId. */
  bury(appId: string, letters: readonly Omit<DeadLetter, 'letterId'>[]): Promise<void>;
  /**
   * Newest first; `before`: those older than this letter, which may be gone.
   * @throws RequestError 400 where `before` is no letterId
   */
  deadLetters(appId: string, count: number, before?: string): Promise<readonly DeadLetter[]>;
  /**
   * Puts letters back into the queue, oldest first, each for the endpoint that did not take it, with its id.
   * @param letterIds undefined: all
   * @param endpoints only those for one of these URLs; undefined: whatever their endpoint is
   * @returns how many were put back: no more than there is room for, and the others stay
   */
  revive(appId: string, letterIds: readonly string[] | undefined, endpoints?: readonly string[]): Promise<number>;
  /** The app was removed: nothing of it is kept. @returns how many of its entries waited */
  forget(appId: string): Promise<number>;
  /** Keeps what was attempted, newest DELIVERIES of the app. */
  record(appId: string, deliveries: readonly Delivery[]): Promise<void>;
  /** Newest first. */
  deliveries(appId: string): Promise<readonly Delivery[]>;
  /** Entries that wait, and letters. */
  sizes(appId: string): Promise<{ readonly waiting: number; readonly dead: number }>;
}
