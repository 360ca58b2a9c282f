// The connections of this node: admitted, swept for silence by one timer, drained when the node stops.
import { type Ending, endings } from '../protocol/errors.ts';
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

interface SendAwayOptions extends Pick<DrainOptions, 'closesPerSecond'> {
  readonly which: (connection: Connection) => boolean;
  /** Asked at every step. */
  readonly goesOn: () => boolean;
}

export class Connections {
  readonly #connections = new Map<string, Connection>();
  readonly #heartbeat: HeartbeatOptions;
  #sweeper: NodeJS.Timeout | undefined;
  #onEmpty: (() => void) | undefined;
  readonly #steps = new Set<NodeJS.Timeout>();

  constructor(options: HeartbeatOptions) {
    this.#heartbeat = options;
  }

  get size(): number {
    return this.#connections.size;
  }

  get(socketId: string): Connection | undefined {
    return this.#connections.get(socketId);
  }

  all(): Iterable<Connection> {
    return this.#connections.values();
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
    for (const step of this.#steps) clearInterval(step);
    this.#steps.clear();
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
    const steps = Math.max(1, withinMs / 2 / DRAIN_STEP_MS);
    const perStep = Math.ceil(Math.max(perStepOf(closesPerSecond), this.#connections.size / steps));
    let deadline: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      deadline = setTimeout(resolve, withinMs);
    });
    this.#endInSteps([...this.#connections.values()], endings.closing, perStep, () => true);
    await over;
    clearTimeout(deadline);
  }

  /** Ends those there are now, in steps. */
  sendAway(ending: Ending, { closesPerSecond, which, goesOn }: SendAwayOptions): void {
    const left = [...this.#connections.values()].filter(which);
    this.#endInSteps(left, ending, Math.ceil(perStepOf(closesPerSecond)), goesOn);
  }

  #endInSteps(left: Connection[], ending: Ending, perStep: number, goesOn: () => boolean): void {
    const endSome = () => {
      if (goesOn()) for (const connection of left.splice(0, perStep)) connection.end(ending);
      else left.length = 0;
      if (left.length > 0) return;
      clearInterval(step);
      this.#steps.delete(step);
    };
    const step = setInterval(endSome, DRAIN_STEP_MS);
    this.#steps.add(step);
    endSome();
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

function perStepOf(closesPerSecond: number): number {
  return (closesPerSecond * DRAIN_STEP_MS) / 1000;
}
