// The connections of this node: admitted, swept for silence by one timer, drained when the node stops.
import { endings } from '../protocol/errors.ts';
import { AUTHORIZE_SECONDS } from '../protocol/limits.ts';
import type { Connection } from './connection.ts';
import type { HeartbeatOptions } from './heartbeat.ts';

const SWEEP_EVERY_MS = 1000;
const DRAIN_STEP_MS = 100;

export interface DrainOptions {
  /** How many sockets are sent away in a second, so that they do not come back all at once… */
  readonly closesPerSecond: number;
  /** …unless this would not suffice to be done in time. */
  readonly withinMs: number;
}

export class Connections {
  readonly #connections = new Map<string, Connection>();
  readonly #heartbeat: HeartbeatOptions;
  #sweeper: NodeJS.Timeout | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(options: HeartbeatOptions) {
    this.#heartbeat = options;
  }

  get size(): number {
    return this.#connections.size;
  }

  get(socketId: string): Connection | undefined {
    return this.#connections.get(socketId);
  }

  add(connection: Connection): void {
    this.#connections.set(connection.socketId, connection);
  }

  /** Called when a closed connection has left everything. */
  remove(connection: Connection): void {
    this.#connections.delete(connection.socketId);
    if (this.#connections.size === 0) this.#onEmpty?.();
  }

  start(): void {
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }

  /** Open sockets per app id, counted now. */
  countByApp(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { app } of this.#connections.values()) counts.set(app.id, (counts.get(app.id) ?? 0) + 1);
    return counts;
  }

  /** Sends every connection away with 4200, in steps; resolves when all have left, or when the time is over. */
  async drain({ closesPerSecond, withinMs }: DrainOptions): Promise<void> {
    if (this.#connections.size === 0) return;
    const left = [...this.#connections.values()];
    const steps = Math.max(1, withinMs / 2 / DRAIN_STEP_MS);
    const perStep = Math.ceil(Math.max((closesPerSecond * DRAIN_STEP_MS) / 1000, left.length / steps));
    const closeSome = () => {
      for (const connection of left.splice(0, perStep)) connection.end(endings.closing);
    };
    const step = setInterval(closeSome, DRAIN_STEP_MS);
    let deadline: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      deadline = setTimeout(resolve, withinMs);
    });
    closeSome();
    await over;
    clearInterval(step);
    clearTimeout(deadline);
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const connection of this.#connections.values()) {
      const { app, authorized, openedAtMs } = connection;
      if (app.signInRequired && !authorized && nowMs - openedAtMs >= AUTHORIZE_SECONDS * 1000) {
        connection.end(endings.notAuthorized);
      } else {
        connection.sweep(nowMs, this.#heartbeat);
      }
    }
  }
}
