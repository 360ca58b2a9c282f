// Requests to the HTTP API over W connections: in a closed loop (each answer is followed by the next request), or in an
// open loop at a fixed rate, where latency counts from the moment a request was due, whether or not it could be sent then.
import { setTimeout as delay } from 'node:timers/promises';
import { nowUs } from './event.ts';
import { Histogram } from './histogram.ts';
import { type Answers, Publisher } from './publisher.ts';
import type { Address } from './target.ts';
import { CaseFailed, until } from './until.ts';

const ANSWER_LIMIT_MS = 30_000;
/** Closer to its time than this a request is waited for without timers, which are late by up to 2 ms. */
const SPIN_US = 2500;

/** Makes the next request; called when it is sent. Numbers count from 0. */
export type Compose = (number: number, dueUs: number) => string;

/** Where events come from. */
export interface Source {
  readonly done: number;
  start(perSecond: number | undefined): void;
  /** Resolves when nothing is under way any more. @throws CaseFailed */
  stop(): Promise<void>;
  /** @throws CaseFailed when something was refused */
  check(): void;
  /** Forgets the latencies so far. */
  reset(): void;
}

export class Load implements Source, Answers, Disposable {
  /** From when a request was due until its answer. */
  readonly answers = new Histogram();
  /** Requests answered with 200. */
  done = 0;
  /** Requests answered with 429. */
  refused = 0;
  #sent = 0;
  #inFlight = 0;
  #isOver = false;
  #trouble: string | undefined;
  readonly #compose: Compose;
  readonly #isLimited: boolean;
  readonly #idle: Publisher[];
  readonly #all: readonly Publisher[];
  /** Undefined in a closed loop. */
  #open: { readonly fromUs: number; readonly everyUs: number } | undefined;

  /** @param isLimited above the app's limit of events per second requests are refused, which is as it should be */
  constructor(address: Address, connections: number, compose: Compose, isLimited = false) {
    this.#compose = compose;
    this.#isLimited = isLimited;
    this.#all = Array.from({ length: connections }, () => new Publisher(address, this));
    this.#idle = [...this.#all];
  }

  /** @param perSecond requests in an open loop; undefined: a closed loop over all connections */
  start(perSecond?: number): void {
    if (perSecond === undefined) {
      for (let publisher = this.#idle.pop(); publisher !== undefined; publisher = this.#idle.pop()) {
        this.#send(publisher, nowUs());
      }
    } else {
      this.#open = { fromUs: nowUs(), everyUs: 1e6 / perSecond };
      void this.#keepRate();
    }
  }

  reset(): void {
    this.answers.reset();
  }

  /** Resolves when all requests that were sent have their answers. @throws CaseFailed when there is none in time */
  async stop(): Promise<void> {
    this.#isOver = true;
    await until(
      () => this.#inFlight === 0,
      ANSWER_LIMIT_MS,
      () => `${this.#inFlight} requests had no answer within ${ANSWER_LIMIT_MS / 1000} s`,
    );
    this.check();
  }

  /** @throws CaseFailed when a request was refused */
  check(): void {
    if (this.#trouble !== undefined) throw new CaseFailed(this.#trouble);
  }

  answered(publisher: Publisher, status: number, body: string): void {
    this.#inFlight--;
    if (status === 200 || (status === 429 && this.#isLimited)) {
      if (status === 200) this.done++;
      else this.refused++;
      this.answers.record(nowUs() - publisher.dueUs);
      if (this.#open === undefined && !this.#isOver) this.#send(publisher, nowUs());
      else this.#idle.push(publisher);
    } else this.#trouble ??= `a request was answered with ${status}: ${body.slice(0, 200)}`;
  }

  failed(_publisher: Publisher, why: string): void {
    this.#inFlight--;
    this.#trouble ??= `a request was not answered: ${why}`;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    for (const publisher of this.#all) publisher.close();
  }

  #send(publisher: Publisher, dueUs: number): void {
    publisher.dueUs = dueUs;
    this.#inFlight++;
    publisher.send(this.#compose(this.#sent++, dueUs));
  }

  async #keepRate(): Promise<void> {
    while (!this.#isOver && this.#open !== undefined) {
      const now = nowUs();
      let dueUs = this.#due();
      while (dueUs <= now) {
        const publisher = this.#idle.pop();
        if (publisher === undefined) break;
        this.#send(publisher, dueUs);
        dueUs = this.#due();
      }
      if (dueUs - now > SPIN_US) await delay(1);
      else await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #due(): number {
    if (this.#open === undefined) return Number.POSITIVE_INFINITY;
    return Math.round(this.#open.fromUs + this.#sent * this.#open.everyUs);
  }
}
