// In front of Node's HTTP server: publishes and WebSocket handshakes that come whole in one read and are plain in every
// respect are taken here, as Node's HTTP objects cost more than all that is done for them. A connection that sends
// anything else is Node's from then on, with what it sent.
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { type PlainRequest, readPlainRequest } from './plain-request.ts';
import type { Publisher } from './publisher.ts';

const SWEEP_EVERY_MS = 5000;

type Publishes = Pick<Publisher, 'answer' | 'closing'>;
type Accept = (socket: Socket) => void;

export class Front {
  readonly server: Server;
  readonly publisher: Publishes;
  readonly #idleMs: number;
  readonly #accepts: readonly Accept[];
  readonly #inbound = new Set<Inbound>();
  #sweeper: NodeJS.Timeout | undefined;

  /** @param server from here on its connections come through here. @param idleMs a connection may be silent this long */
  constructor(server: Server, publisher: Publishes, idleMs: number) {
    this.server = server;
    this.publisher = publisher;
    this.#idleMs = idleMs;
    const event = server instanceof TlsServer ? 'secureConnection' : 'connection';
    this.#accepts = server.listeners(event) as Accept[];
    server.removeAllListeners(event);
    server.on(event, (socket: Socket) => this.#inbound.add(new Inbound(this, socket)));
    server.on('listening', () => {
      this.#sweeper ??= setInterval(() => this.#sweep(), Math.min(SWEEP_EVERY_MS, idleMs)).unref();
    });
  }

  /** Gives the connection, and what it sent, to Node. */
  handOver(socket: Socket, bytes: Buffer): void {
    socket.unshift(bytes);
    for (const accept of this.#accepts) accept.call(this.server, socket);
  }

  forget(inbound: Inbound): void {
    this.#inbound.delete(inbound);
  }

  #sweep(): void {
    const beforeMs = performance.now() - this.#idleMs;
    for (const inbound of this.#inbound) inbound.endIfIdle(beforeMs);
  }

  /** No request is waited for any more; those under way are answered. For when the server closes. */
  close(): void {
    clearInterval(this.#sweeper);
    for (const inbound of this.#inbound) inbound.endIfIdle(Number.POSITIVE_INFINITY);
  }

  /** Ends what is left. */
  destroy(): void {
    for (const inbound of this.#inbound) inbound.destroy();
  }
}

/** A connection that sent nothing yet but publishes. What a client sends and ends behind a request is not waited for. */
class Inbound {
  readonly #front: Front;
  readonly #socket: Socket;
  #heardMs = performance.now();
  #answering = false;
  /** What came while a request is being answered: pipelining, which is Node's to do. */
  #early: Buffer[] = [];
  #ended = false;

  constructor(front: Front, socket: Socket) {
    this.#front = front;
    this.#socket = socket;
    socket.on('data', this.#onData).on('end', this.#onEnd).on('error', ignore).on('close', this.#onClose);
  }

  readonly #onData = (bytes: Buffer): void => {
    // Nothing is done any more behind the last answer (RFC 9112 §9.6).
    if (!this.#socket.writable) return;
    this.#heardMs = performance.now();
    if (this.#answering) {
      this.#early.push(bytes);
      this.#socket.pause();
      return;
    }
    const request = readPlainRequest(bytes);
    const answer = request === undefined ? undefined : this.#front.publisher.answer(request);
    if (answer !== undefined) {
      this.#answering = true;
      void answer.then(this.#onAnswer);
    } else if (request !== undefined && isHandshake(request)) {
      this.#release();
      this.#front.server.emit('upgrade', request as unknown as IncomingMessage, this.#socket, request.rest);
    } else {
      this.#handOver(bytes);
    }
  };

  readonly #onAnswer = (answer: string | Buffer): void => {
    this.#answering = false;
    this.#heardMs = performance.now();
    const socket = this.#socket;
    if (!socket.writable) return;
    socket.write(answer);
    if (this.#front.publisher.closing || this.#ended) socket.destroySoon();
    else if (this.#early.length > 0) this.#handOver(Buffer.concat(this.#early));
    else if (socket.writableNeedDrain) this.#awaitDrain();
  };

  /** A client that does not read its answers is not read either. */
  #awaitDrain(): void {
    this.#socket.pause();
    this.#socket.once('drain', () => this.#socket.resume());
  }

  readonly #onEnd = (): void => {
    this.#ended = true;
    if (!this.#answering) this.#socket.end();
  };

  readonly #onClose = (): void => this.#front.forget(this);

  #handOver(bytes: Buffer): void {
    this.#release();
    this.#front.handOver(this.#socket, bytes);
  }

  /** The socket as it was when it came: neither flowing nor paused, which is how Node gives away upgraded ones too. */
  #release(): void {
    this.#front.forget(this);
    const socket = this.#socket;
    socket.off('data', this.#onData).off('end', this.#onEnd).off('error', ignore).off('close', this.#onClose);
    (socket as { readableFlowing: boolean | null }).readableFlowing = null;
  }

  endIfIdle(beforeMs: number): void {
    if (!this.#answering && this.#heardMs < beforeMs) this.#socket.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** To WebSocket; what else a connection can be upgraded to is Node's to find out. */
function isHandshake({ method, headers }: PlainRequest): boolean {
  const { upgrade, connection = '' } = headers;
  return (
    method === 'GET' && upgrade?.toLowerCase() === 'websocket' && /(^|,)[ \t]*upgrade[ \t]*(,|$)/i.test(connection)
  );
}

/** A reset: 'close' follows. */
function ignore(): void {}
