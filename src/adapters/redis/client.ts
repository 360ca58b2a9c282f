// The two connections of a node to Redis: one for commands, one that listens. While Redis is away commands fail at
// once instead of waiting in a queue, and both connections come back by themselves.
import { type RedisOptions as ConnectionOptions, Redis } from 'ioredis';
import type { Logger } from 'pino';
import { requestErrors } from '../../protocol/errors.ts';
import { createKeys, type Keys } from './keys.ts';
import { scripts } from './scripts/all.ts';
import type { Script } from './scripts/script.ts';
import { addressOf, nameOf, type RedisAddress, type RedisOptions } from './settings.ts';

const CONNECT_WITHIN_MS = 3000;
/** A connection on which an answer is owed and nothing arrives for so long is given up and made anew. */
const ANSWER_WITHIN_MS = 5000;
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2000;

export type ScriptArgument = string | number | Buffer;

/** What tells the two connections apart. */
type OwnOptions = Pick<ConnectionOptions, 'enableAutoPipelining' | 'scripts'>;

type RunScript = (...args: ScriptArgument[]) => Promise<unknown>;

export class RedisClient {
  readonly keys: Keys;
  readonly commands: Redis;
  readonly subscriber: Redis;
  readonly #name: string;
  readonly #log: Logger;
  readonly #restored: (() => void)[] = [];
  readonly #users = new Set<object>();
  #opening: Promise<void> | undefined;
  #open = false;
  #lost = false;
  #reason = '';

  constructor(options: RedisOptions, log: Logger) {
    const address = addressOf(options);
    this.keys = createKeys(options.prefix, address.db);
    this.#name = nameOf(address);
    this.#log = log;
    this.commands = this.#connection(address, { enableAutoPipelining: true, scripts });
    this.subscriber = this.#connection(address, {});
  }

  /** Both connections are up. */
  get ready(): boolean {
    return this.commands.status === 'ready' && this.subscriber.status === 'ready';
  }

  /** @param listener is called whenever both connections are up again after a loss. */
  onRestored(listener: () => void): void {
    this.#restored.push(listener);
  }

  /**
   * Called by each port that starts, with itself; connects for the first. Safe to call twice.
   * @throws Error with Redis' address, without credentials, and what went wrong
   */
  start(user: object): Promise<void> {
    this.#users.add(user);
    this.#opening ??= this.#connect();
    return this.#opening;
  }

  /** Called by each port that stops, with itself; disconnects for the last. Safe to call twice. */
  stop(user: object): void {
    if (this.#users.delete(user) && this.#users.size === 0) this.#disconnect();
  }

  /**
   * Runs a script atomically.
   * @throws RequestError 503
   */
  run<T>(script: Script, keys: readonly string[], args: readonly ScriptArgument[]): Promise<T> {
    const run = (this.commands as unknown as Record<string, RunScript>)[script.name] as RunScript;
    return this.answer(run.call(this.commands, ...keys, ...args) as Promise<T>);
  }

  /**
   * What Redis answers to a command. Its own errors end here: they carry the command with its arguments.
   * @throws RequestError 503
   */
  async answer<T>(command: Promise<T>): Promise<T> {
    try {
      return await command;
    } catch (err) {
      const { name, message } = err as Error;
      if (name === 'ReplyError') this.#log.error({ redis: this.#name, reason: message }, 'Redis refused a command');
      throw requestErrors.unavailable();
    }
  }

  #connection({ tls, username, password, ...address }: RedisAddress, own: OwnOptions): Redis {
    const redis = new Redis({
      ...address,
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(tls && { tls: {} }),
      lazyConnect: true,
      connectTimeout: CONNECT_WITHIN_MS,
      socketTimeout: ANSWER_WITHIN_MS,
      retryStrategy: retryAfterMs,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      autoResubscribe: false,
      ...own,
    });
    redis.on('error', (err: Error & { code?: string }) => {
      this.#reason = err.message.replace(/^connect /, '') || (err.code ?? err.name);
    });
    redis.on('close', () => this.#onClose());
    redis.on('ready', () => this.#onReady());
    return redis;
  }

  async #connect(): Promise<void> {
    try {
      await Promise.all([this.commands.connect(), this.subscriber.connect()]);
      this.#open = true;
      this.#log.info({ redis: this.#name }, 'connected to Redis');
    } catch (err) {
      this.#disconnect();
      throw new Error(`Redis at ${this.#name} cannot be reached: ${this.#reason || (err as Error).message}`);
    }
  }

  #disconnect(): void {
    this.#open = false;
    this.#opening = undefined;
    this.commands.disconnect();
    this.subscriber.disconnect();
  }

  #onClose(): void {
    if (!this.#open || this.#lost) return;
    this.#lost = true;
    this.#log.warn({ redis: this.#name, reason: this.#reason }, 'the connection to Redis was lost');
  }

  #onReady(): void {
    if (!this.#lost || !this.ready) return;
    this.#lost = false;
    this.#reason = '';
    this.#log.info({ redis: this.#name }, 'the connection to Redis is back');
    for (const listener of this.#restored) listener();
  }
}

/** Doubling, with jitter so that not all nodes come at once. */
function retryAfterMs(attempt: number): number {
  const waitMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempt - 1, 10), LONGEST_RETRY_MS);
  return waitMs * (0.75 + Math.random() / 4);
}
