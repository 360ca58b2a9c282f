// Requests with an idempotency key, in this process: the last ones, up to a bound.
import { type Attempt, type Claimed, DONE_SECONDS, PENDING_SECONDS, type RequestLog } from '../../core/ports.ts';

/** Of a few hundred bytes each. */
const REQUESTS = 10_000;

interface Kept {
  readonly claim: string;
  readonly digest: string;
  readonly answer: string | undefined;
  readonly untilMs: number;
}

export class MemoryRequestLog implements RequestLog {
  readonly #limit: number;
  /** In the order of their beginning. */
  readonly #kept = new Map<string, Kept>();
  #claims = 0;

  /** @param limit above it the oldest are forgotten */
  constructor(limit = REQUESTS) {
    this.#limit = limit;
  }

  async begin(appId: string, key: string, digest: string): Promise<Attempt> {
    const id = idOf(appId, key);
    const kept = this.#current(id);
    if (kept === undefined) {
      this.#claims += 1;
      const claim = String(this.#claims);
      this.#keep(id, { claim, digest, answer: undefined, untilMs: performance.now() + PENDING_SECONDS * 1000 });
      return { state: 'new', claim };
    }
    if (kept.digest !== digest) return { state: 'other' };
    return kept.answer === undefined ? { state: 'pending' } : { state: 'done', answer: kept.answer };
  }

  async finish(appId: string, key: string, claimed: Claimed, answer: string): Promise<void> {
    const id = idOf(appId, key);
    const owner = this.#current(id)?.claim ?? claimed.claim;
    if (owner !== claimed.claim) return;
    this.#keep(id, { ...claimed, answer, untilMs: performance.now() + DONE_SECONDS * 1000 });
  }

  async forget(appId: string, key: string, claim: string): Promise<void> {
    const id = idOf(appId, key);
    if (this.#kept.get(id)?.claim === claim) this.#kept.delete(id);
  }

  #current(id: string): Kept | undefined {
    const kept = this.#kept.get(id);
    return kept !== undefined && kept.untilMs > performance.now() ? kept : undefined;
  }

  #keep(id: string, kept: Kept): void {
    this.#kept.delete(id);
    this.#kept.set(id, kept);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > this.#limit && oldest !== undefined) this.#kept.delete(oldest);
  }
}

/** No app id has a slash. */
function idOf(appId: string, key: string): string {
  return `${appId}/${key}`;
}
