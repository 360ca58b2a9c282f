// Sockets that stop reading: what is sent to them waits, in the kernel's buffers and then in the server's memory, until the
// server closes them for it.
import { Crowd } from './crowd.ts';
import { channelName } from './event.ts';
import type { Receiver } from './receiver.ts';
import type { Server } from './target.ts';

/** What Fanfare closes a socket with that reads too slowly. */
const SLOW_READER = 4100;
/** Longer than what a server says beside events. */
const LONG = 1024;

export class Sleepers extends Crowd {
  /** How many have ended since they slept… */
  ended = 0;
  /** …and read in a close frame why. A server waits only so long for one to be read. */
  told = 0;
  readonly #channels: number;
  #slept = false;

  constructor(server: Server, channels: number) {
    super([server], server.app);
    this.#channels = channels;
  }

  sleep(): void {
    this.#slept = true;
    for (const receiver of this.receivers) receiver.pause();
  }

  /** So many read what is left for them, the end last. */
  wake(count: number): void {
    for (const receiver of this.receivers.slice(0, count)) receiver.resume();
  }

  override established(receiver: Receiver): void {
    const channel = channelName(receiver.index % this.#channels);
    this.send(receiver, { event: 'pusher:subscribe', data: { channel } });
  }

  /** Events are not looked at. */
  override text(receiver: Receiver, buffer: Buffer, from: number, to: number): void {
    if (to - from > LONG) return;
    const message = receiver.unusual(buffer.toString('utf8', from, to));
    if (message?.event === 'pusher_internal:subscription_succeeded') this.arrive();
  }

  /** Another end than that of a slow reader, or one before it slept, is trouble. */
  override lost(receiver: Receiver, why: string): void {
    if (!this.#slept || (receiver.closeCode ?? SLOW_READER) !== SLOW_READER) super.lost(receiver, why);
    this.ended++;
    if (receiver.closeCode === SLOW_READER) this.told++;
  }
}
