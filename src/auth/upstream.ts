// Asks the application itself: the request is forwarded to its own endpoint, whose 2xx allows and 4xx refuses. Everything
// else is no answer, and allows nobody.
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { UpstreamSettings } from '../core/app-auth.ts';
import type { Caller } from '../core/authorization.ts';
import { RequestError } from '../protocol/errors.ts';
import { type Fetched, FetchFailure, fetchText } from './fetch-text.ts';
import { Gate } from './gate.ts';
import { refusals } from './refusals.ts';
import { readAnswer, type UpstreamAnswer } from './upstream-answer.ts';

const MAX_BYTES = 64 * 1024;
/** Waiting requests for each that may run. */
const QUEUE_PER_RUNNING = 20;
const CACHED_ANSWERS = 10_000;
const LONGEST_CACHED_SECONDS = 3600;

/** Who the user is, hence what an answer depends on. */
const CREDENTIALS = ['cookie', 'authorization', 'x-csrf-token', 'x-xsrf-token'];
/** What applications look at beside: Laravel's Sanctum knows its own pages by Origin and Referer. */
const CIRCUMSTANCES = ['origin', 'referer', 'user-agent', 'accept-language'];
/** Of this connection, not of the request (RFC 9110 §7.6.1), or made anew. */
const NOT_FORWARDED =
  /^(host|connection|content-length|content-type|content-encoding|transfer-encoding|expect|te|trailer|upgrade|keep-alive|proxy-.*|accept|accept-encoding|x-requested-with|x-forwarded-for)$/;

/** Answers that depend on more than they are kept by (RFC 9110 §12.5.5). */
const UNKEPT_VARY = /(^|,)\s*(\*|x-forwarded-for)\s*(,|$)/i;

/** An answer as it is kept: it allows, with what it says of the user, or refuses. */
type Outcome = UpstreamAnswer | RequestError;

export class Upstream {
  readonly #settings: UpstreamSettings;
  readonly #log: Logger;
  readonly #gate: Gate;
  readonly #credentials: readonly string[];
  readonly #cache = new LRUCache<string, Outcome>({ max: CACHED_ANSWERS });
  readonly #stopped = new AbortController();
  #failing = false;

  constructor(settings: UpstreamSettings, log: Logger) {
    this.#settings = settings;
    this.#log = log;
    const chosen = settings.headers.map((name) => name.toLowerCase()).filter((name) => !NOT_FORWARDED.test(name));
    this.#credentials = [...CREDENTIALS, ...chosen];
    const { url, concurrency, timeoutSeconds, breakAfterFailures, breakSeconds } = settings;
    const upstream = new URL(url).origin;
    this.#gate = new Gate(
      {
        concurrency,
        waiting: concurrency * QUEUE_PER_RUNNING,
        waitMs: timeoutSeconds * 1000,
        failures: breakAfterFailures,
        breakMs: breakSeconds * 1000,
      },
      {
        busy: refusals.upstreamBusy,
        broken: (leftMs) => refusals.upstreamBroken(leftMs / 1000),
        opened: () => log.warn({ upstream, seconds: breakSeconds }, 'the application fails and is left alone'),
        closed: () => log.info({ upstream }, 'the application answers again'),
      },
    );
  }

  /** Aborts what is under way. Safe to call twice. */
  stop(): void {
    this.#stopped.abort();
  }

  /**
   * What the application says to this request; an earlier answer where that said it may be kept.
   * @param channel undefined: a sign-in
   * @throws RequestError 401 and 403 as the application refuses, or allows what has ended; 503 when it does not answer
   */
  async ask(caller: Caller, socketId: string, channel: string | undefined): Promise<UpstreamAnswer> {
    const url = channel === undefined ? this.#settings.userUrl : this.#settings.url;
    if (url === undefined) throw refusals.signInNotConfigured();
    const key = this.#keyOf(url, caller, channel);
    const kept = this.#cache.get(key);
    const holds = kept !== undefined && secondsUntil(endOf(kept)) > 0;
    const outcome = holds ? kept : await this.#fetch(url, caller, socketId, channel, key);
    if (outcome instanceof RequestError) throw outcome;
    return outcome;
  }

  /** @throws RequestError 503 */
  #fetch(url: string, caller: Caller, socketId: string, channel: string | undefined, key: string): Promise<Outcome> {
    const { timeoutSeconds } = this.#settings;
    const work = async () => {
      const fetched = await fetchText(url, {
        method: 'POST',
        headers: this.#headersOf(caller),
        body: bodyOf(caller, socketId, channel),
        timeoutMs: timeoutSeconds * 1000,
        maxBytes: MAX_BYTES,
        signal: this.#stopped.signal,
      }).catch((err: unknown) => {
        throw this.#unanswered(url, err);
      });
      const outcome = this.#outcomeOf(url, fetched);
      this.#failing = false;
      const seconds = keptSeconds(fetched.headers, outcome);
      if (seconds > 0) this.#cache.set(key, outcome, { ttl: seconds * 1000 });
      return outcome;
    };
    return this.#gate.run(work, (err) => err instanceof RequestError);
  }

  /** @throws RequestError 503 for what is neither a permission nor a refusal */
  #outcomeOf(url: string, { status, text, headers }: Fetched): Outcome {
    // Told to whoever asked, and not counted as an outage: one busy client must not lock out the others.
    if (status === 408 || status === 429) return refusals.upstreamThrottled(status, retrySeconds(headers));
    if (status === 401) return refusals.unauthenticatedByUpstream();
    if (status >= 400 && status < 500) return refusals.byUpstream(status);
    if (status >= 300 && status < 400) throw this.#failure(url, refusals.upstreamRedirected(status));
    if (status >= 500) throw this.#failure(url, refusals.upstreamFailed(status));
    const answer = readAnswer(text);
    if (answer === undefined) throw this.#failure(url, refusals.upstreamGarbage());
    return secondsUntil(answer.expiresAt) > 0 ? answer : refusals.endedByUpstream();
  }

  #unanswered(url: string, err: unknown): unknown {
    if (!(err instanceof FetchFailure)) return err;
    const { reason, message } = err;
    if (reason === 'slow') return this.#failure(url, refusals.upstreamSlow(this.#settings.timeoutSeconds));
    if (reason === 'garbled') return this.#failure(url, refusals.upstreamGarbage(), message);
    return this.#failure(url, refusals.upstreamUnreachable(), message);
  }

  /** Of an outage the first failure is for operators; the others are told to whoever asked. */
  #failure(url: string, refusal: RequestError, cause = refusal.message): RequestError {
    const fields = { upstream: new URL(url).origin, cause };
    if (this.#failing || this.#stopped.signal.aborted) this.#log.debug(fields, 'the application gave no answer');
    else this.#log.warn(fields, 'the application gave no answer');
    this.#failing = true;
    return refusal;
  }

  #headersOf({ headers, address, encoding }: Caller): Record<string, string> {
    const forwarded: Record<string, string> = {};
    for (const name of [...this.#credentials, ...CIRCUMSTANCES]) {
      const value = headers[name];
      if (value !== undefined) forwarded[name] = String(value);
    }
    return {
      ...forwarded,
      accept: 'application/json',
      // Laravel then answers guests with a status, where it would redirect to a login page.
      'x-requested-with': 'XMLHttpRequest',
      'x-forwarded-for': [headers['x-forwarded-for'] ?? [], address].flat().join(', '),
      'content-type': encoding === 'form' ? 'application/x-www-form-urlencoded' : 'application/json',
    };
  }

  /** What the answer may depend on, but for the socket and its address; a digest, as it holds credentials. */
  #keyOf(url: string, { headers, encoding, fields }: Caller, channel: string | undefined): string {
    const sent = [...this.#credentials, ...CIRCUMSTANCES].map((name) => headers[name] ?? null);
    const text = JSON.stringify([url, sent, channel ?? null, encoding, fields]);
    return createHash('sha256').update(text).digest('base64');
  }
}

/** As the client sent it, for one channel of those it asked for. */
function bodyOf({ encoding, fields }: Caller, socketId: string, channel: string | undefined): string {
  const asked = { ...fields, socket_id: socketId, ...(channel !== undefined && { channel_name: channel }) };
  if (encoding === 'json') return JSON.stringify(asked);
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(asked)) {
    if (!Array.isArray(value)) form.append(name, String(value));
    else for (const item of value) form.append(name.endsWith('[]') ? name : `${name}[]`, String(item));
  }
  return form.toString();
}

/** How long an answer may be kept (RFC 9111 §5.2.2); 0 where it does not say so. */
function keptSeconds(headers: Headers, outcome: Outcome): number {
  if (UNKEPT_VARY.test(headers.get('vary') ?? '')) return 0;
  if (outcome instanceof RequestError && outcome.status === 503) return 0;
  const directives = (headers.get('cache-control') ?? '')
    .toLowerCase()
    .split(',')
    .map((part) => part.trim());
  if (directives.includes('no-store') || directives.includes('no-cache')) return 0;
  const [, seconds = '0'] = directives.map((part) => /^max-age="?(\d{1,9})"?$/.exec(part)).find((match) => match) ?? [];
  return Math.min(Number(seconds), LONGEST_CACHED_SECONDS);
}

function endOf(outcome: Outcome): number | undefined {
  return outcome instanceof RequestError ? undefined : outcome.expiresAt;
}

/** @param unixSeconds undefined: never */
function secondsUntil(unixSeconds = Number.POSITIVE_INFINITY): number {
  return unixSeconds - Date.now() / 1000;
}

/** When to ask again (RFC 9110 §10.2.3); dates are not read, they are rare here. */
function retrySeconds(headers: Headers): number {
  const text = headers.get('retry-after') ?? '';
  return /^\d{1,4}$/.test(text) ? Number(text) : 1;
}
