// Many sockets: opened a few at a time, watched for trouble, closed together.
import type { Credentials } from './arguments.ts';
import { clientFrame, opcodes } from './frames.ts';
import { type Owner, Receiver } from './receiver.ts';
import type { Address } from './target.ts';
import { CaseFailed, until } from './until.ts';

/** Sockets that connect at the same time. */
const IN_PROGRESS = 200;
const OPEN_LIMIT_MS = 60_000;

export abstract class Crowd implements Owner, Disposable {
  readonly receivers: Receiver[] = [];
  readonly app: Credentials;
  /** How many have got where `open` waits for. */
  protected arrived = 0;
  readonly #addresses: readonly Address[];
  #wanted = 0;
  #trouble: string | undefined;

  /** @param addresses are taken in turn */
  constructor(addresses: readonly Address[], app: Credentials) {
    this.#addresses = addresses;
    this.app = app;
  }

  /** Opens sockets until there are `count`, and resolves when all of them have arrived. */
  async open(count: number): Promise<void> {
    this.#wanted = count;
    this.#fill();
    await this.until(
      () => this.arrived >= count,
      OPEN_LIMIT_MS,
      () => `${this.arrived} of ${count} sockets were ready within ${OPEN_LIMIT_MS / 1000} s`,
    );
  }

  /** @throws CaseFailed at once when a socket is lost, too. */
  async until(condition: () => boolean, limitMs: number, otherwise: () => string): Promise<void> {
    const check = () => {
      this.check();
      return condition();
    };
    await until(check, limitMs, otherwise);
  }

  /** @throws CaseFailed when a socket was lost */
  check(): void {
    if (this.#trouble !== undefined) throw new CaseFailed(this.#trouble);
  }

  abstract established(receiver: Receiver): void;
  abstract text(receiver: Receiver, buffer: Buffer, from: number, to: number): void;

  lost(_receiver: Receiver, why: string): void {
    this.#trouble ??= why;
  }

  protected arrive(): void {
    this.arrived++;
    this.#fill();
  }

  protected send(receiver: Receiver, message: object): void {
    receiver.write(clientFrame(opcodes.text, JSON.stringify(message)));
  }

  [Symbol.dispose](): void {
    for (const receiver of this.receivers) receiver.close();
  }

  #fill(): void {
    while (this.receivers.length < Math.min(this.#wanted, this.arrived + IN_PROGRESS)) {
      const index = this.receivers.length;
      const address = this.#addresses[index % this.#addresses.length];
      if (address === undefined) throw new Error('no server');
      this.receivers.push(new Receiver(index, address, this.app.key, this));
    }
  }
}
