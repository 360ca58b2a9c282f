// A node's way to Redis: for commands and for listening. While Redis is away commands fail at once instead of waiting
// in a queue, and all connections come back by themselves.
import type { Cluster, Redis } from 'ioredis';
import type { Logger } from 'pino';
import { requestErrors } from '../../protocol/errors.ts';
import { ClusteredConnections } from './clustered.ts';
import type { ConnectionEvents, Connections, Subscriber } from './connections.ts';
import { DirectConnections } from './direct.ts';
import { Envelope } from './envelope.ts';
import { createKeys, type Keys } from './keys.ts';
import type { Script } from './scripts/script.ts';
import { nameOf, placeOf, type RedisOptions } from './settings.ts';

/** How often the same refusal of Redis is logged. */
const REFUSAL_EVERY_MS = 10_000;

export type ScriptArgument = string | number | Buffer;

type RunScript = (...args: ScriptArgument[]) => Promise<unknown>;

export class RedisClient {
  readonly keys: Keys;
  readonly envelope: Envelope;
  readonly #connections: Connections;
  readonly #name: string;
  readonly #log: Logger;
  readonly #restored: (() => void)[] = [];
  readonly #users = new Set<object>();
  #opening: Promise<void> | undefined;
  #open = false;
  #lost = false;
  #reason = '';
  #refusal = { reason: '', atMs: 0 };

  constructor(options: RedisOptions, log: Logger) {
    const place = placeOf(options);
    this.keys = createKeys(options.prefix, place.db);
    this.envelope = new Envelope(options.busSecret);
    this.#name = nameOf(place);
    this.#log = log;
    const events: ConnectionEvents = {
      onUp: () => this.#onUp(),
      onDown: () => this.#onDown(),
      onTrouble: (reason) => this.#onTrouble(reason),
    };
    this.#connections =
      place.type === 'cluster'
        ? new ClusteredConnections(place, options, events)
        : new DirectConnections(place, options, events);
  }

  get commands(): Redis | Cluster {
    return this.#connections.commands;
  }

  get subscriber(): Subscriber {
    return this.#connections.subscriber;
  }

  /** All connections are up. */
  get ready(): boolean {
    return this.#connections.ready;
  }

  /** @param listener is called whenever all connections are up again after a loss. */
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

  /** Rejects when a connection does not answer; a dead one is given up by it and made anew. */
  async ping(): Promise<void> {
    await this.answer(this.#connections.ping());
  }

  /** @throws RequestError 503 */
  async publish(name: string, message: Buffer): Promise<void> {
    await this.answer(this.#connections.publish(name, message));
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
      if (name === 'ReplyError') this.#onRefusal(message);
      throw requestErrors.unavailable();
    }
  }

  async #connect(): Promise<void> {
    try {
      await this.#connections.connect();
      this.#open = true;
      this.#log.info({ redis: this.#name }, 'connected to Redis');
    } catch (err) {
      this.#disconnect();
      const reason = this.#reason || (err as Error).message;
      throw new Error(`Redis at ${this.#name} cannot be reached: ${reason}${guessAt(reason, this.#name)}`);
    }
  }

  #disconnect(): void {
    this.#open = false;
    this.#opening = undefined;
    this.#connections.disconnect();
  }

  #onDown(): void {
    if (!this.#open || this.#lost) return;
    this.#lost = true;
    const reason = this.#reason;
    this.#log.warn({ redis: this.#name, ...(reason !== '' && { reason }) }, 'the connection to Redis was lost');
  }

  /** Each reason is said once in an outage: attempts are many, and mostly fail for the same. */
  #onTrouble(reason: string): void {
    if (this.#lost && reason !== this.#reason) {
      this.#log.warn({ redis: this.#name, reason }, 'Redis cannot be reached yet');
    }
    this.#reason = reason;
  }

  /** Whoever cannot write is refused at every attempt of every client: said now and then. */
  #onRefusal(reason: string): void {
    const nowMs = performance.now();
    if (reason === this.#refusal.reason && nowMs - this.#refusal.atMs < REFUSAL_EVERY_MS) return;
    this.#refusal = { reason, atMs: nowMs };
    this.#log.error({ redis: this.#name, reason }, 'Redis refused a command');
  }

  #onUp(): void {
    if (!this.#lost || !this.ready) return;
    this.#lost = false;
    this.#reason = '';
    this.#log.info({ redis: this.#name }, 'the connection to Redis is back');
    for (const listener of this.#restored) listener();
  }
}

/** Whose certificate is refused may learn no more than that nobody listens any more. */
function guessAt(reason: string, name: string): string {
  return name.startsWith('rediss') && /ECONNRESET|EPIPE/.test(reason) ? ' (it may want a certificate it knows)' : '';
}
