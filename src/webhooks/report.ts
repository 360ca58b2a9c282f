// What operators hear of one endpoint: a record of each request, dead letters, counts, and of an outage one line when it
// begins and one when it is over.
import type { Logger } from 'pino';
import type { Attempt } from './attempts.ts';
import type { Outcomes } from './outcomes.ts';
import type { Answer } from './sender.ts';

/** Events since the start. */
export interface Counts {
  queued: number;
  /** Of each endpoint. */
  sent: number;
  /** Attempts, not events. */
  failed: number;
  /** Dead-lettered. */
  dead: number;
  /** Lost, as there were too many to keep. */
  dropped: number;
}

export interface ReportDeps {
  readonly outcomes: Outcomes;
  readonly counts: Counts;
  readonly log: Logger;
}

/** When a request began, by both clocks: Unix milliseconds, and performance.now() for how long it took. */
export interface Begun {
  readonly atMs: number;
  readonly ms: number;
}

const IDS_OF_A_RECORD = 20;

export class Report {
  readonly #appId: string;
  readonly #url: string;
  readonly #deps: ReportDeps;
  /** Something failed, and what failed was not taken yet. */
  #troubled = false;

  constructor(appId: string, url: string, deps: ReportDeps) {
    this.#appId = appId;
    this.#url = url;
    this.#deps = deps;
  }

  answered({ batch, attempts }: Attempt, begun: Begun, answer: Answer): void {
    this.#deps.outcomes.record(this.#appId, {
      endpoint: this.#url,
      startedAtMs: begun.atMs,
      durationMs: Math.round(performance.now() - begun.ms),
      events: batch.length,
      ids: batch.slice(0, IDS_OF_A_RECORD).map(({ id }) => id),
      attempt: attempts,
      ...answer,
    });
  }

  /** @param othersFailed some that failed wait to be sent again */
  taken({ batch }: Attempt, othersFailed: boolean): void {
    this.#deps.counts.sent += batch.length;
    if (!this.#troubled || othersFailed) return;
    this.#deps.log.info(this.#logFields(), 'a webhook endpoint takes events again');
    this.#troubled = false;
  }

  refused({ attempts }: Attempt, reason: string): void {
    const { counts, log } = this.#deps;
    counts.failed += 1;
    const fields = { ...this.#logFields(), reason, attempts };
    // Of an outage the first failure is for operators.
    log[this.#troubled ? 'debug' : 'warn'](fields, 'a webhook endpoint does not take events');
    this.#troubled = true;
  }

  /** Resolves when its events are dead letters; false when this server was stopped before. */
  bury({ batch, attempts }: Attempt, reason: string): Promise<boolean> {
    const diedAtMs = Date.now();
    const letters = batch.map(({ id, event, atMs }) => ({
      ...{ id, event, atMs, diedAtMs, reason, attempts },
      endpoint: this.#url,
    }));
    return this.#deps.outcomes.bury(this.#appId, letters);
  }

  /** After they were buried. */
  died({ batch, attempts }: Attempt, reason: string, othersFailed: boolean): void {
    const { counts, log } = this.#deps;
    counts.dead += batch.length;
    this.#troubled = othersFailed;
    const fields = { ...this.#logFields(), reason, attempts, events: batch.length };
    log.warn(fields, 'webhook events are dead-lettered');
  }

  /** No path and no query: they may hold a token. */
  #logFields(): { readonly appId: string; readonly endpoint: string } {
    return { appId: this.#appId, endpoint: new URL(this.#url).origin };
  }
}
