// The keys of a JSON Web Key Set, fetched and kept: whoever has good keys does not wait for newer ones, and good keys
// outlast an outage of where they come from. A token can cause few fetches, however many tokens there are.
import { createLocalJWKSet, errors, type LocalJWKSet } from 'jose';
import type { Logger } from 'pino';
import { z } from 'zod';
import { isUsableKey } from '../core/token-key.ts';
import { readJson } from '../protocol/json.ts';
import { FetchFailure, fetchText } from './fetch-text.ts';
import { refusals } from './refusals.ts';

const REFRESH_AFTER_MS = 600_000;
/** Keys that are not in the set make it be fetched at most so often. */
const SEARCH_EVERY_MS = 30_000;
const PAUSE_AFTER_FAILURE_MS = 5000;
const MAX_BYTES = 262_144;

const setSchema = z.object({ keys: z.array(z.unknown()) });

export interface KeySetOptions {
  readonly url: string;
  readonly timeoutMs: number;
  /** How long after they were fetched keys are used at most, while they cannot be fetched again. */
  readonly maxAgeMs: number;
  /** A clock in milliseconds that never goes back. */
  readonly now?: () => number;
}

/** Never changed: whoever still verifies with it is not disturbed by a refresh. */
interface Keys {
  readonly find: LocalJWKSet;
  readonly fetchedAtMs: number;
}

export class KeySet {
  readonly #options: KeySetOptions;
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #origin: string;
  readonly #stopping = new AbortController();
  #keys: Keys | undefined;
  #fetching: Promise<void> | undefined;
  /** Of the last fetch, if it failed. */
  #failedAtMs: number | undefined;
  #searchedAtMs = Number.NEGATIVE_INFINITY;
  #warnedSinceSearch = false;
  #unusable = 0;

  constructor(options: KeySetOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
    this.#now = options.now ?? (() => performance.now());
    this.#origin = new URL(options.url).origin;
  }

  /**
   * The key of a token's header; jose calls it, and decides on the algorithm before.
   * @throws RequestError 503 when there are no keys that are young enough, or none that fit in an outage.
   * @throws JWKSNoMatchingKey no key fits, and it is too early to look for newer ones, or they do not fit either.
   * @throws JWKSMultipleMatchingKeys several fit; it lists them.
   */
  readonly keyFor = async (...[header, token]: Parameters<LocalJWKSet>): ReturnType<LocalJWKSet> => {
    const before = this.#keys;
    const keys = await this.#usable();
    try {
      return await keys.find(header, token);
    } catch (err) {
      // Keys that were fetched for this token are not fetched twice for it.
      if (!(err instanceof errors.JWKSNoMatchingKey) || keys !== before) throw err;
      const newer = await this.#newerThan(keys);
      if (newer === undefined) throw err;
      return await newer.find(header, token);
    }
  };

  /** Ends a fetch that is under way; nothing is fetched any more. Safe to call twice. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Keys that are stale but good are used while newer ones are fetched. */
  async #usable(): Promise<Keys> {
    const kept = this.#good();
    if (kept === undefined) await this.#refresh();
    else if (this.#ageMs(kept) >= REFRESH_AFTER_MS) void this.#refresh();
    const keys = kept ?? this.#good();
    if (keys === undefined) throw this.#unavailable();
    return keys;
  }

  #good(): Keys | undefined {
    const keys = this.#keys;
    return keys !== undefined && this.#ageMs(keys) < this.#options.maxAgeMs ? keys : undefined;
  }

  #ageMs({ fetchedAtMs }: Keys): number {
    return this.#now() - fetchedAtMs;
  }

  /** The newest keys, fetched if that is due; undefined when there are none but `known`. In an outage nobody can say. */
  async #newerThan(known: Keys): Promise<Keys | undefined> {
    if (this.#fetching === undefined && this.#failedAtMs === undefined) {
      if (this.#now() < this.#searchedAtMs + SEARCH_EVERY_MS) {
        this.#warnOfUnknownKeys();
        return undefined;
      }
      this.#searchedAtMs = this.#now();
      this.#warnedSinceSearch = false;
    }
    await this.#refresh();
    if (this.#failedAtMs !== undefined) throw this.#unavailable();
    return this.#keys === known ? undefined : this.#keys;
  }

  #warnOfUnknownKeys(): void {
    if (this.#warnedSinceSearch) return;
    this.#warnedSinceSearch = true;
    this.#log.warn({ origin: this.#origin }, 'tokens are refused whose key is not in the key set');
  }

  /** One fetch at a time, shared by all who wait; none in the pause after a failure. Never rejects. */
  #refresh(): Promise<void> {
    if (this.#pauseMs() > 0) return Promise.resolve();
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetch(): Promise<void> {
    try {
      const find = await this.#read();
      this.#keys = { find, fetchedAtMs: this.#now() };
      if (this.#failedAtMs !== undefined) this.#log.info({ origin: this.#origin }, 'the key set can be fetched again');
      this.#failedAtMs = undefined;
    } catch (err) {
      const { message: cause } = err as Error;
      const news = this.#failedAtMs === undefined && !this.#stopping.signal.aborted;
      if (news) this.#log.warn({ origin: this.#origin, cause }, 'the key set cannot be fetched');
      this.#failedAtMs = this.#now();
    }
  }

  async #read(): Promise<LocalJWKSet> {
    const { url, timeoutMs } = this.#options;
    const headers = { accept: 'application/jwk-set+json, application/json' };
    const { signal } = this.#stopping;
    const { status, text } = await fetchText(url, { method: 'GET', headers, timeoutMs, maxBytes: MAX_BYTES, signal });
    if (status !== 200) throw new FetchFailure('garbled', `the answer’s status is ${status}`);
    const set = setSchema.safeParse(readJson(text));
    if (!set.success) throw new FetchFailure('garbled', 'the answer is not a JSON Web Key Set');
    const usable = set.data.keys.filter(isUsableKey);
    const unusable = set.data.keys.length - usable.length;
    if (unusable > 0 && usable.length === 0) throw new FetchFailure('garbled', 'none of its keys can be used');
    this.#warnOfUnusableKeys(unusable);
    return createLocalJWKSet({ keys: usable });
  }

  #warnOfUnusableKeys(keys: number): void {
    if (keys > this.#unusable)
      this.#log.warn({ origin: this.#origin, keys }, 'the key set has keys that cannot be used');
    this.#unusable = keys;
  }

  #pauseMs(): number {
    return this.#failedAtMs === undefined ? 0 : this.#failedAtMs + PAUSE_AFTER_FAILURE_MS - this.#now();
  }

  #unavailable(): Error {
    return refusals.keysUnavailable(this.#pauseMs() / 1000);
  }
}
