// Requests that a client sends one behind the other on a connection of Node's (RFC 9112 §9.3.2): all that are done are
// answered before the connection ends, or is told that what came then is no request.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export class Pipelines {
  /** By connection, in order: not answered yet. */
  readonly #waiting = new WeakMap<Socket, Set<ServerResponse>>();

  /** For the server's 'request' event, before anybody else hears of it. */
  readonly add = ({ socket }: IncomingMessage, response: ServerResponse): void => {
    const waiting = this.#waiting.get(socket) ?? new Set();
    this.#waiting.set(socket, waiting.add(response));
    response.once('close', () => waiting.delete(response));
  };

  /** Whether no other request waits behind this one. */
  isLast(response: ServerResponse): boolean {
    return [...(this.#waiting.get(response.req.socket) ?? [])].at(-1) === response;
  }

  /** Calls back once all requests that came whole are answered, or their connection is gone. */
  whenAnswered(socket: Socket, callback: () => void): void {
    const whole = [...(this.#waiting.get(socket) ?? [])].filter(({ req }) => req.complete);
    const last = whole.at(-1);
    if (last === undefined) callback();
    else last.once('close', callback);
  }
}
