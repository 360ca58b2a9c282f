// One endpoint of an app: sends its batches, some at a time, repeats what failed, and while it seems down only probes it.
// Nothing here waits for another endpoint.
import type { Logger } from 'pino';
import type { App } from '../core/app.ts';
import type { Webhook } from '../core/app-webhooks.ts';
import type { WebhookEvent } from '../protocol/webhook.ts';
import { webhookBody } from '../protocol/webhook.ts';
import { nextAttemptMs } from './backoff.ts';
import { Batches, type Held } from './batch.ts';
import type { WebhookOptions } from './options.ts';
import type { Outcomes } from './outcomes.ts';
import type { Answer, Send } from './sender.ts';
import { signingPair } from './signing-pair.ts';

export interface EndpointDeps {
  readonly options: WebhookOptions;
  readonly outcomes: Outcomes;
  readonly send: Send;
  /** Which of these removals of the app are true: nobody is on the channel, the user is no member. */
  readonly areTrue: (appId: string, events: readonly WebhookEvent[]) => Promise<readonly boolean[]>;
  readonly counts: Counts;
  readonly log: Logger;
}

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

interface Attempt {
  readonly batch: readonly Held[];
  /** Sent again as it is: the same bytes, the same time_ms. */
  readonly body: Buffer;
  readonly firstMs: number;
  attempts: number;
  /** When it is due. */
  nextMs: number;
}

const IDS_OF_A_RECORD = 20;
/** Node's timers take no more. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

export interface Owner {
  /** The app as it is now; undefined when it, or this endpoint of it, is gone. Called before each attempt. */
  current(): Promise<{ readonly app: App; readonly webhook: Webhook } | undefined>;
  /** Entries this endpoint is done with. */
  done(entryIds: readonly string[]): void;
}

export class Endpoint {
  readonly #appId: string;
  readonly #url: string;
  readonly #deps: EndpointDeps;
  readonly #owner: Owner;
  readonly #batches: Batches;
  #retryMs: number;
  /** Oldest first. */
  #failed: Attempt[] = [];
  readonly #running = new Set<Attempt>();
  readonly #held = new Set<string>();
  #failuresInRow = 0;
  /** Something failed, and what failed was not taken yet. */
  #troubled = false;
  #asking = false;
  #draining = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #onIdle: (() => void) | undefined;

  constructor(appId: string, webhook: Webhook, deps: EndpointDeps, owner: Owner) {
    this.#appId = appId;
    this.#url = webhook.url;
    this.#deps = deps;
    this.#owner = owner;
    this.#batches = new Batches(webhook);
    this.#retryMs = webhook.retrySeconds * 1000;
  }

  /** Entries it has. */
  get held(): number {
    return this.#held.size;
  }

  configure(webhook: Webhook): void {
    this.#batches.configure(webhook);
    this.#retryMs = webhook.retrySeconds * 1000;
  }

  /** The owner hears of what is not going to be sent in this very call. */
  offer(entries: readonly Held[]): void {
    const [nowMs, wallMs] = [performance.now(), Date.now()];
    for (const { entryId } of entries) this.#held.add(entryId);
    for (const entry of entries) this.#finish(this.#batches.add(entry, nowMs, wallMs));
    this.#work();
  }

  /** Sends what could go at once without waiting for company; resolves when nothing is left but what failed or waits. */
  drain(): Promise<void> {
    this.#draining = true;
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      this.#work();
    });
  }

  /** Sends nothing more. What is on its way may still arrive, and is then done with. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#onIdle?.();
  }

  /** The same, and nobody waits for what is on its way. @returns the entries it had */
  abandon(): readonly string[] {
    this.stop();
    const held = [...this.#held];
    this.#held.clear();
    return held;
  }

  #work(): void {
    if (this.#stopped) return;
    const nowMs = performance.now();
    this.#finish(this.#batches.giveUp(nowMs));
    this.#judge(nowMs);
    for (let next = this.#next(nowMs); next !== undefined; next = this.#next(nowMs)) {
      this.#running.add(next);
      void this.#attempt(next);
    }
    if (this.#running.size === 0 && !this.#asking) this.#onIdle?.();
    this.#sleep(nowMs);
  }

  /** What to send now: what failed before what is new. While the endpoint seems down, one thing at a time. */
  #next(nowMs: number): Attempt | undefined {
    if (!this.#hasRoom()) return undefined;
    const index = this.#failed.findIndex(({ nextMs }) => nextMs <= nowMs);
    const [again] = index < 0 ? [] : this.#failed.splice(index, 1);
    if (again !== undefined) return again;
    if (!this.#mayBegin()) return undefined;
    const batch = this.#batches.take(nowMs, this.#draining);
    if (batch === undefined) return undefined;
    return { batch, body: webhookBody(Date.now(), batch), firstMs: nowMs, attempts: 0, nextMs: nowMs };
  }

  #isDown(): boolean {
    return this.#failuresInRow >= this.#deps.options.breakAfterFailures;
  }

  #hasRoom(): boolean {
    return this.#running.size < (this.#isDown() ? 1 : this.#deps.options.concurrency);
  }

  /** The time of what was never attempted does not run; it is not begun in vain. */
  #mayBegin(): boolean {
    return !this.#isDown() || this.#failed.length === 0;
  }

  #sleep(nowMs: number): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    const later = [this.#asking ? Number.POSITIVE_INFINITY : this.#batches.removalMs()];
    // Where there is no room for another request the end of one wakes.
    if (this.#hasRoom()) {
      later.push(...this.#failed.map((attempt) => attempt.nextMs));
      if (this.#mayBegin()) later.push(this.#batches.ripeMs());
    }
    const nextMs = Math.min(...later);
    if (nextMs === Number.POSITIVE_INFINITY) return;
    // A millisecond more, as timers may be early.
    const waitMs = Math.min(Math.max(0, Math.ceil(nextMs - nowMs)) + 1, LONGEST_WAIT_MS);
    this.#timer = setTimeout(() => this.#work(), waitMs).unref();
  }

  /** Removals whose delay is over go if they are true still. While that cannot be found out they wait. */
  #judge(nowMs: number): void {
    const due = this.#asking ? [] : this.#batches.due(nowMs);
    if (due.length === 0) return;
    this.#asking = true;
    const { areTrue, options } = this.#deps;
    areTrue(
      this.#appId,
      due.map(({ event }) => event),
    ).then(
      (truths) => {
        this.#asking = false;
        const atMs = performance.now();
        due.forEach((held, index) => {
          this.#finish(this.#batches.judge(held, truths[index] === true, atMs));
        });
        this.#work();
      },
      () => {
        setTimeout(() => {
          this.#asking = false;
          this.#work();
        }, options.againMs).unref();
      },
    );
  }

  async #attempt(attempt: Attempt): Promise<void> {
    const { outcomes, send } = this.#deps;
    const current = await this.#owner.current();
    // When the endpoint was removed, its owner knows what it held.
    if (current === undefined || this.#stopped) return;
    const startedAtMs = Date.now();
    const startedMs = performance.now();
    const answer = await send(current.webhook, signingPair(current.app, startedAtMs), attempt.body);
    // Somebody else's business by now, unless it was taken.
    if (this.#stopped && answer.reason !== undefined) return;
    attempt.attempts += 1;
    outcomes.record(this.#appId, {
      endpoint: this.#url,
      startedAtMs,
      durationMs: Math.round(performance.now() - startedMs),
      events: attempt.batch.length,
      ids: attempt.batch.slice(0, IDS_OF_A_RECORD).map(({ id }) => id),
      attempt: attempt.attempts,
      ...answer,
    });
    if (answer.reason === undefined) this.#taken(attempt);
    else await this.#refused(attempt, answer.reason);
    this.#running.delete(attempt);
    this.#work();
  }

  #taken({ batch }: Attempt): void {
    this.#deps.counts.sent += batch.length;
    // One that was down is up; one that refuses some events and takes others is not asked more often for that.
    if (this.#isDown()) for (const failed of this.#failed) failed.nextMs = 0;
    this.#failuresInRow = 0;
    if (this.#troubled && this.#failed.length === 0) {
      this.#deps.log.info(this.#logFields(), 'a webhook endpoint takes events again');
      this.#troubled = false;
    }
    this.#batches.open(batch);
    this.#finish(batch);
  }

  async #refused(attempt: Attempt, reason: NonNullable<Answer['reason']>): Promise<void> {
    const { options, outcomes, counts, log } = this.#deps;
    const { batch, attempts, firstMs } = attempt;
    counts.failed += 1;
    this.#failuresInRow += 1;
    const fields = { ...this.#logFields(), reason, attempts };
    // Of an outage the first failure is for operators.
    log[this.#troubled ? 'debug' : 'warn'](fields, 'a webhook endpoint does not take events');
    this.#troubled = true;
    const { firstPauseMs, lastPauseMs } = options;
    const retry = { firstPauseMs, lastPauseMs, retryMs: this.#retryMs };
    const nextMs = nextAttemptMs(attempts, firstMs, performance.now(), Math.random(), retry);
    if (nextMs !== undefined) {
      attempt.nextMs = nextMs;
      this.#failed.push(attempt);
      return;
    }
    const diedAtMs = Date.now();
    const letters = batch.map(({ id, event, atMs }) => ({
      ...{ id, event, atMs, diedAtMs, reason, attempts },
      endpoint: this.#url,
    }));
    if (!(await outcomes.bury(this.#appId, letters))) return;
    counts.dead += batch.length;
    this.#troubled = this.#failed.length > 0;
    log.warn({ ...fields, events: batch.length }, 'webhook events are dead-lettered');
    this.#batches.open(batch);
    this.#finish(batch);
  }

  #finish(entries: readonly Held[]): void {
    const done = entries.map(({ entryId }) => entryId).filter((entryId) => this.#held.delete(entryId));
    if (done.length > 0) this.#owner.done(done);
  }

  /** No path and no query: they may hold a token. */
  #logFields(): { readonly appId: string; readonly endpoint: string } {
    return { appId: this.#appId, endpoint: new URL(this.#url).origin };
  }
}
