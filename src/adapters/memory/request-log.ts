// Requests with an idempotency key, in this process: the last ones, up to a bound.
import { type Attempt, DONE_SECONDS, PENDING_SECONDS, type RequestLog } from '../../core/ports.ts';

/** Of a few hundred bytes each. */
const REQUESTS = 10_000;

interface Kept {
  readonly digest: string;
  readonly answer: string | undefined;
  readonly untilMs: number;
}

export class MemoryRequestLog implements RequestLog {
  readonly #limit: number;
  /** In the order of their beginning. */
  readonly #kept = new Map<string, Kept>();

  /** @param limit above it the oldest are forgotten */
  constructor(limit = REQUESTS) {
    this.#limit = limit;
  }

  async begin(appId: string, key: string, digest: string): Promise<Attempt> {
    const id = idOf(appId, key);
    const kept = this.#kept.get(id);
    if (kept === undefined || kept.untilMs <= performance.now()) {
      this.#keep(id, { digest, answer: undefined, untilMs: performance.now() + PENDING_SECONDS * 1000 });
      return { state: 'new' };
    }
    if (kept.digest !== digest) return { state: 'other' };
    return kept.answer === undefined ? { state: 'pending' } : { state: 'done', answer: kept.answer };
  }

  async finish(appId: string, key: string, digest: string, answer: string): Promise<void> {
    this.#keep(idOf(appId, key), { digest, answer, untilMs: performance.now() + DONE_SECONDS * 1000 });
  }

  async forget(appId: string, key: string): Promise<void> {
    this.#kept.delete(idOf(appId, key));
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
