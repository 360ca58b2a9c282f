// One place for a worker, filled as long as the server runs: a worker that dies is replaced.
import cluster, { type Worker } from 'node:cluster';
import type { Logger } from 'pino';
import { processChannel } from '../adapters/ipc/channel.ts';
import type { Primary } from '../adapters/ipc/primary.ts';
import type { Config } from '../config/schema.ts';
import type { Listening } from '../server.ts';
import type { Order, Report } from './orders.ts';

/** A worker that ends sooner died of its start, and will die of the next one. */
const SHORT_LIFE_MS = 10_000;
const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 30_000;
/** Beyond the deadline of its own stop. */
const STOP_MARGIN_MS = 1000;

interface FirstStart {
  readonly resolve: (listening: Listening) => void;
  readonly reject: (err: Error) => void;
}

export interface SeatOptions {
  readonly config: Config;
  /** Undefined where the workers meet in Redis. */
  readonly primary: Primary | undefined;
}

/** Who sits there. */
interface Occupant {
  readonly worker: Worker;
  /** Resolves when it is gone and all it said has been heard, with why if no process could be made. */
  readonly gone: Promise<Error | undefined>;
  readonly sinceMs: number;
  isUp: boolean;
  /** Why it could not start, as it says itself. */
  failure: Error | undefined;
}

export class Seat {
  readonly #options: SeatOptions;
  readonly #log: Logger;
  #occupant: Occupant | undefined;
  /** Until the first worker is up: if it fails, nobody takes its place. */
  #firstStart: FirstStart | undefined;
  #delayMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(options: SeatOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
  }

  /** Once. Rejects when the first worker could not start, with its error, or was told to stop before it was up. */
  async start(): Promise<Listening> {
    if (this.#stopping) throw toldToStop();
    return await new Promise((resolve, reject) => {
      this.#firstStart = { resolve, reject };
      this.#fill();
    });
  }

  /** Resolves when the worker has sent its sockets away and is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    if (this.#occupant === undefined) return;
    const { worker, isUp, gone } = this.#occupant;
    // One that is not up has nothing to send away, and Node fails where a server is closed while it starts to listen.
    if (isUp) tell(worker, { type: 'stop' });
    else worker.process.kill('SIGKILL');
    const deadline = setTimeout(
      () => {
        this.#log.warn({ workerPid: worker.process.pid }, 'a worker did not stop in time and is killed');
        worker.process.kill('SIGKILL');
      },
      this.#options.config.shutdown.deadlineSeconds * 1000 + STOP_MARGIN_MS,
    );
    await gone;
    clearTimeout(deadline);
  }

  #fill(): void {
    const worker = cluster.fork();
    const occupant: Occupant = {
      worker,
      gone: endOf(worker),
      sinceMs: performance.now(),
      isUp: false,
      failure: undefined,
    };
    this.#occupant = occupant;
    this.#options.primary?.attach(processChannel(worker.process));
    worker.on('message', (report: Report | { readonly type: 'adapters' }) => {
      if (report.type === 'here') tell(worker, { type: 'run', config: this.#options.config });
      else if (report.type === 'up') this.#onUp(occupant, report.listening);
      else if (report.type === 'failed')
        occupant.failure = Object.assign(new Error(report.message), { code: report.code });
    });
    void occupant.gone.then((err) => this.#onGone(occupant, err));
  }

  #onUp(occupant: Occupant, listening: Listening): void {
    occupant.isUp = true;
    this.#firstStart?.resolve(listening);
    this.#firstStart = undefined;
  }

  #onGone(occupant: Occupant, neverMade: Error | undefined): void {
    this.#occupant = undefined;
    const failure = neverMade ?? occupant.failure;
    if (this.#firstStart !== undefined) this.#firstStart.reject(failure ?? this.#neverUp(occupant.worker));
    else if (!this.#stopping) this.#replace(occupant, failure);
  }

  #neverUp({ process: { signalCode, exitCode } }: Worker): Error {
    if (this.#stopping) return toldToStop();
    return new Error(`a worker ended with ${signalCode ?? `code ${exitCode}`} before it was up`);
  }

  #replace({ worker, sinceMs }: Occupant, err: Error | undefined): void {
    const { pid: workerPid, exitCode, signalCode: signal } = worker.process;
    this.#delayMs = restartDelayMs(this.#delayMs, performance.now() - sinceMs);
    const fields = { workerPid, exitCode, signal, restartInMs: this.#delayMs, ...(err !== undefined && { err }) };
    this.#log.warn(fields, 'a worker ended, another one takes its place');
    this.#timer = setTimeout(() => this.#fill(), this.#delayMs);
  }
}

function toldToStop(): Error {
  return new Error('it was told to stop');
}

/** @param previousMs the delay before the start of the worker that ended now */
export function restartDelayMs(previousMs: number, livedMs: number): number {
  if (livedMs >= SHORT_LIFE_MS) return 0;
  return Math.min(Math.max(previousMs * 2, FIRST_DELAY_MS), LONGEST_DELAY_MS);
}

/** A process may be gone before its last message has been read, hence both. */
function endOf(worker: Worker): Promise<Error | undefined> {
  const happened = (name: string) => new Promise<void>((resolve) => void worker.process.once(name, () => resolve()));
  return new Promise((resolve) => {
    void Promise.all([happened('exit'), happened('disconnect')]).then(() => resolve(undefined));
    worker.on('error', (err) => {
      // Of a process that is there it only says that something on the way to it was lost with its end.
      if (worker.process.pid === undefined) resolve(err);
    });
  });
}

/** A worker that is gone is not told. */
function tell(worker: Worker, order: Order): void {
  if (worker.isConnected()) worker.send(order, () => {});
}
