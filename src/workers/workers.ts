// The primary of several worker processes that share a port (node:cluster): starts them, replaces those that die, and
// holds what they share unless that is in Redis. It opens no socket of its own, and to the outside is one server.
import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { Primary } from '../adapters/ipc/primary.ts';
import type { Config } from '../config/schema.ts';
import type { FanfareServer, Listening } from '../server.ts';
import { Seat } from './seat.ts';

const program = fileURLToPath(new URL('./worker.js', import.meta.url));

export class Workers implements FanfareServer {
  readonly #primary: Primary | undefined;
  readonly #seats: readonly Seat[];
  readonly #log: Logger;
  #stopping: Promise<void> | undefined;

  constructor(config: Config, count: number, log: Logger) {
    this.#primary = config.adapter === 'memory' ? new Primary(log) : undefined;
    this.#seats = Array.from({ length: count }, () => new Seat({ config, primary: this.#primary }, log));
    this.#log = log;
  }

  /** Resolves when all are up; rejects, and leaves nothing running, when one of them could not start. */
  async start(): Promise<Listening> {
    // 'advanced', so that the bytes of a frame travel as bytes.
    cluster.setupPrimary({ exec: program, args: [], serialization: 'advanced' });
    await this.#primary?.start();
    try {
      const [listening] = await Promise.all(this.#seats.map((seat) => seat.start()));
      if (listening === undefined) throw new RangeError('no workers');
      this.#log.info({ url: listening.url, workers: this.#seats.length }, 'all workers are up');
      return listening;
    } catch (err) {
      await this.stop();
      throw err;
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    await Promise.all(this.#seats.map((seat) => seat.stop()));
    await this.#primary?.stop();
  }
}
