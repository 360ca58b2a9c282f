// Answers to handshakes leave with the connection's first frame, in one write; where that takes longer than a turn of the
// event loop, as with Redis, they leave without it.
import type { Socket } from './socket.ts';

export class Handshakes {
  #ofThisTurn: Socket[] = [];
  #ofTheLast: Socket[] = [];

  add(socket: Socket): void {
    if (this.#ofThisTurn.length === 0 && this.#ofTheLast.length === 0) setImmediate(this.#endTurn);
    this.#ofThisTurn.push(socket);
  }

  readonly #endTurn = (): void => {
    for (const socket of this.#ofTheLast) socket.uncork();
    this.#ofTheLast = this.#ofThisTurn;
    this.#ofThisTurn = [];
    if (this.#ofTheLast.length > 0) setImmediate(this.#endTurn);
  };
}
