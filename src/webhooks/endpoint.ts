// One endpoint of an app: when its batches go, removals that are judged before, and where what came of a request leads.
// Nothing here waits for another endpoint.
import type { App } from '../core/app.ts';
import type { Webhook } from '../core/app-webhooks.ts';
import type { WebhookEvent } from '../protocol/webhook.ts';
import { webhookBody } from '../protocol/webhook.ts';
import { type Attempt, Attempts } from './attempts.ts';
import { Batches, type Held } from './batch.ts';
import type { WebhookOptions } from './options.ts';
import { Report, type ReportDeps } from './report.ts';
import type { Send } from './sender.ts';
import { signingPair } from './signing-pair.ts';

export interface EndpointDeps extends ReportDeps {
  readonly options: WebhookOptions;
  readonly send: Send;
  /** Which of these removals of the app are true: nobody is on the channel, the user is no member. */
  readonly areTrue: (appId: string, events: readonly WebhookEvent[]) => Promise<readonly boolean[]>;
}

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
  readonly #deps: EndpointDeps;
  readonly #owner: Owner;
  readonly #batches: Batches;
  readonly #attempts: Attempts;
  readonly #report: Report;
  readonly #held = new Set<string>();
  #asking = false;
  #draining = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #onIdle: (() => void) | undefined;

  constructor(appId: string, webhook: Webhook, deps: EndpointDeps, owner: Owner) {
    this.#appId = appId;
    this.#deps = deps;
    this.#owner = owner;
    this.#batches = new Batches(webhook);
    this.#attempts = new Attempts(deps.options, webhook.retrySeconds);
    this.#report = new Report(appId, webhook.url, deps);
  }

  /** Entries it has. */
  get held(): number {
    return this.#held.size;
  }

  configure(webhook: Webhook): void {
    this.#batches.configure(webhook);
    this.#attempts.configure(webhook.retrySeconds);
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
      this.#attempts.begin(next);
      void this.#attempt(next);
    }
    if (this.#attempts.running === 0 && !this.#asking) this.#onIdle?.();
    this.#sleep(nowMs);
  }

  /** What to send now: what failed before what is new. */
  #next(nowMs: number): Attempt | undefined {
    if (!this.#attempts.hasRoom()) return undefined;
    const again = this.#attempts.takeDue(nowMs);
    if (again !== undefined) return again;
    if (!this.#attempts.mayBegin()) return undefined;
    const batch = this.#batches.take(nowMs, this.#draining);
    if (batch === undefined) return undefined;
    return { batch, body: webhookBody(Date.now(), batch), firstMs: nowMs, attempts: 0, nextMs: nowMs };
  }

  #sleep(nowMs: number): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    const later = [this.#asking ? Number.POSITIVE_INFINITY : this.#batches.removalMs()];
    // Where there is no room for another request the end of one wakes.
    if (this.#attempts.hasRoom()) {
      later.push(this.#attempts.dueMs());
      if (this.#attempts.mayBegin()) later.push(this.#batches.ripeMs());
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
    const current = await this.#owner.current();
    // When the endpoint was removed, its owner knows what it held.
    if (current === undefined || this.#stopped) return;
    const begun = { atMs: Date.now(), ms: performance.now() };
    const answer = await this.#deps.send(current.webhook, signingPair(current.app, begun.atMs), attempt.body);
    // Somebody else's business by now, unless it was taken.
    if (this.#stopped && answer.reason !== undefined) return;
    attempt.attempts += 1;
    this.#report.answered(attempt, begun, answer);
    if (answer.reason === undefined) this.#taken(attempt);
    else await this.#refused(attempt, answer.reason);
    this.#attempts.end(attempt);
    this.#work();
  }

  #taken(attempt: Attempt): void {
    this.#attempts.taken();
    this.#report.taken(attempt, this.#attempts.failed > 0);
    this.#leave(attempt);
  }

  async #refused(attempt: Attempt, reason: string): Promise<void> {
    this.#report.refused(attempt, reason);
    if (this.#attempts.refused(attempt, performance.now())) return;
    // Nobody is to find letters of an app that is gone.
    if ((await this.#owner.current()) === undefined) return;
    if (!(await this.#report.bury(attempt, reason))) return;
    this.#report.died(attempt, reason, this.#attempts.failed > 0);
    this.#leave(attempt);
  }

  /** Its channels go on. */
  #leave({ batch }: Attempt): void {
    this.#batches.open(batch);
    this.#finish(batch);
  }

  #finish(entries: readonly Held[]): void {
    const done = entries.map(({ entryId }) => entryId).filter((entryId) => this.#held.delete(entryId));
    if (done.length > 0) this.#owner.done(done);
  }
}
