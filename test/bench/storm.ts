// A storm of reconnects at a fixed rate: sockets connect, subscribe, and leave as soon as they have.
import { setTimeout as delay } from 'node:timers/promises';
import { clientFrame, opcodes } from './frames.ts';
import { type Owner, Receiver } from './receiver.ts';
import type { Server } from './target.ts';
import { CaseFailed, until } from './until.ts';

const CHANNEL = 'bench-storm';
const SUBSCRIBE = clientFrame(opcodes.text, `{"event":"pusher:subscribe","data":{"channel":"${CHANNEL}"}}`);
const LEAVE_LIMIT_MS = 10_000;

export class Storm implements Owner, Disposable {
  /** Sockets that were subscribed, and left. */
  done = 0;
  readonly #server: Server;
  readonly #everyMs: number;
  readonly #open = new Set<Receiver>();
  #started = 0;
  #isOver = false;
  #trouble: string | undefined;

  constructor(server: Server, perSecond: number) {
    this.#server = server;
    this.#everyMs = 1000 / perSecond;
  }

  start(): void {
    void this.#keepRate(performance.now());
  }

  /** Resolves when all have been subscribed. @throws CaseFailed when one was not */
  async stop(): Promise<void> {
    this.#isOver = true;
    await until(
      () => this.#open.size === 0 || this.#trouble !== undefined,
      LEAVE_LIMIT_MS,
      () => `${this.#open.size} sockets were not subscribed within ${LEAVE_LIMIT_MS / 1000} s`,
    );
    if (this.#trouble !== undefined) throw new CaseFailed(this.#trouble);
  }

  established(receiver: Receiver): void {
    receiver.write(SUBSCRIBE);
  }

  text(receiver: Receiver, buffer: Buffer, from: number, to: number): void {
    const message = receiver.unusual(buffer.toString('utf8', from, to));
    if (message?.event !== 'pusher_internal:subscription_succeeded') return;
    receiver.close();
    this.#open.delete(receiver);
    this.done++;
  }

  lost(_receiver: Receiver, why: string): void {
    this.#trouble ??= why;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    for (const receiver of this.#open) receiver.close();
  }

  async #keepRate(fromMs: number): Promise<void> {
    while (!this.#isOver) {
      while (fromMs + this.#started * this.#everyMs <= performance.now()) {
        this.#open.add(new Receiver(this.#started++, this.#server, this.#server.app.key, this));
      }
      await delay(1);
    }
  }
}
