// A publish as a plain request: verified, done, answered. Fastify's routes for the same paths (routes/events.ts) take the
// other forms; a test compares the answers of the two.
import { STATUS_CODES } from 'node:http';
import type { Core } from '../core/core.ts';
import { type RequestError, requestErrors } from '../protocol/errors.ts';
import { Query } from '../protocol/query.ts';
import { bodyLimit, findApp, verify } from './authenticate.ts';
import { NO_HEADERS, type Published } from './idempotency.ts';
import type { PlainRequest } from './plain-request.ts';
import { type Publishing, publish } from './routes/events.ts';
import { Turns } from './turns.ts';

export interface PublisherOptions {
  /** '' or '/prefix': taken off paths that have it. */
  readonly pathPrefix: string;
  /** How long a connection may be idle, as it is told to clients. */
  readonly keepAliveMs: number;
  /** What an error is answered with. */
  readonly refusalOf: (err: unknown) => RequestError;
}

/** As every SDK writes it. */
const PATH = /^\/apps\/([A-Za-z0-9_.-]{1,200})\/(events|batch_events)(?:\?(.*))?$/;

const JSON_TYPE = 'application/json';
const TEXT_TYPE = 'text/plain; charset=utf-8';

export class Publisher {
  readonly #core: Core;
  readonly #options: PublisherOptions;
  readonly #turns = new Turns();
  #date = '';
  #dateSecond = 0;
  #doneAnswer: Buffer = Buffer.alloc(0);
  #doneDate = '';

  constructor(core: Core, options: PublisherOptions) {
    this.#core = core;
    this.#options = options;
  }

  /** Whether connections should end with their next answer. */
  get closing(): boolean {
    return this.#core.draining;
  }

  /** @returns the answer as HTTP, once it is done or refused; undefined, and nothing is done, when it is no publish. */
  answer(request: PlainRequest): Promise<string | Buffer> | undefined {
    const { pathPrefix } = this.#options;
    if (request.method !== 'POST') return undefined;
    const { url } = request;
    const path = pathPrefix !== '' && url.startsWith(`${pathPrefix}/`) ? url.slice(pathPrefix.length) : url;
    const match = PATH.exec(path);
    return match === null ? undefined : this.#turns.take(match[1] ?? '', () => this.#answer(request, path, match));
  }

  /** In the order app, size, signature, contents. */
  async #answer(
    { headers, rest: body }: PlainRequest,
    url: string,
    [, appId, what, search = '']: RegExpExecArray,
  ): Promise<string | Buffer> {
    try {
      const query = new Query(search);
      const app = await findApp(this.#core.apps, appId, query);
      const limitBytes = bodyLimit(app);
      if (body.length > limitBytes) throw requestErrors.bodyTooLarge(limitBytes, body.length);
      verify(app, { method: 'POST', url, query, body }, this.#options.pathPrefix);
      const { text, headers: more } = await publish(this.#core, app, what as Publishing, { headers, body });
      return text === '{}' && more === NO_HEADERS ? this.#done() : this.#format(200, JSON_TYPE, text, more);
    } catch (err) {
      const { status, message, headers } = this.#options.refusalOf(err);
      return this.#format(status, TEXT_TYPE, message, headers);
    }
  }

  /** To a publish that asked for nothing, which nearly all do: the same for a second. */
  #done(): string | Buffer {
    const date = this.#now();
    if (this.closing) return this.#format(200, JSON_TYPE, '{}', NO_HEADERS);
    if (this.#doneDate !== date) {
      this.#doneAnswer = Buffer.from(this.#format(200, JSON_TYPE, '{}', NO_HEADERS));
      this.#doneDate = date;
    }
    return this.#doneAnswer;
  }

  #format(status: number, type: string, text: string, more: Published['headers']): string {
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: ${type}\r\n`;
    for (const name in more) head += `${name}: ${more[name]}\r\n`;
    const keep = `connection: keep-alive\r\nkeep-alive: timeout=${Math.floor(this.#options.keepAliveMs / 1000)}`;
    const length = Buffer.byteLength(text);
    return `${head}content-length: ${length}\r\ndate: ${this.#now()}\r\n${this.closing ? 'connection: close' : keep}\r\n\r\n${text}`;
  }

  /** HTTP's date (RFC 9110 §6.6.1), made once a second. */
  #now(): string {
    const nowMs = Date.now();
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#dateSecond) {
      this.#dateSecond = second;
      this.#date = new Date(nowMs).toUTCString();
    }
    return this.#date;
  }
}
