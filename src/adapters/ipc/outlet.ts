// What one process has to tell the other in a turn of the event loop goes as one message: a message between processes
// costs more than what is in it.
import type { Channel } from './channel.ts';

export class Outlet<T> {
  readonly #channel: Channel;
  #waiting: T[] = [];

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** Sends at the end of the turn, in order. */
  post(message: T): void {
    if (this.#waiting.length === 0) setImmediate(this.#flush);
    this.#waiting.push(message);
  }

  readonly #flush = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#channel.send(waiting);
  };
}

/** Hands on one by one what an outlet at the other end has sent. */
export function onEach<T>(channel: Channel, listener: (message: T) => void): void {
  channel.onMessage((messages) => {
    for (const message of messages as readonly T[]) listener(message);
  });
}
