// One keep-alive connection to the HTTP API with one request in flight.
import { connect, type Socket } from 'node:net';
import type { Address } from './target.ts';

export interface Answers {
  /** The answer to the request in flight is whole; the next one may be sent. */
  answered(publisher: Publisher, status: number, body: string): void;
  failed(publisher: Publisher, why: string): void;
}

export class Publisher {
  /** For its owner: when the request in flight was due. */
  dueUs = 0;
  readonly #address: Address;
  readonly #answers: Answers;
  #socket: Socket;
  #text = '';
  #isWaiting = false;

  constructor(address: Address, answers: Answers) {
    this.#address = address;
    this.#answers = answers;
    this.#socket = this.#connect();
  }

  send(request: string): void {
    this.#isWaiting = true;
    // Between two requests a server may close whenever it wants.
    if (this.#socket.destroyed) this.#socket = this.#connect();
    this.#socket.write(request, 'latin1');
  }

  close(): void {
    this.#isWaiting = false;
    this.#socket.destroy();
  }

  #connect(): Socket {
    const socket = connect({ host: this.#address.host, port: this.#address.port, noDelay: true });
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => this.#read(socket, text));
    socket.on('error', (error) => this.#lose(socket, error.message));
    socket.on('close', () => this.#lose(socket, 'it closed the connection without an answer'));
    return socket;
  }

  #read(socket: Socket, text: string): void {
    if (socket !== this.#socket || !this.#isWaiting) return;
    this.#text += text;
    const answer = parseAnswer(this.#text);
    if (answer === undefined) return;
    this.#text = '';
    this.#isWaiting = false;
    // Some servers take one request a connection.
    if (answer.closes) {
      socket.destroy();
      this.#socket = this.#connect();
    }
    this.#answers.answered(this, answer.status, answer.body);
  }

  #lose(socket: Socket, why: string): void {
    if (socket !== this.#socket) return;
    const wasWaiting = this.#isWaiting;
    this.#isWaiting = false;
    this.#text = '';
    if (wasWaiting) this.#answers.failed(this, why);
  }
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  /** The server closes the connection after it. */
  readonly closes: boolean;
}

/** @returns undefined while the answer is not whole */
export function parseAnswer(text: string): Answer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = text.slice(0, end).toLowerCase();
  const body = text.slice(end + 4);
  const [, length] = head.match(/\r\ncontent-length: *(\d+)/) ?? [];
  const isChunked = /\r\ntransfer-encoding: *chunked/.test(head);
  const isWhole = isChunked ? body.endsWith('0\r\n\r\n') : body.length >= Number(length ?? 0);
  if (!isWhole) return undefined;
  const closes = head.startsWith('http/1.0') || /\r\nconnection: *close/.test(head);
  return { status: Number(head.slice(9, 12)), body, closes };
}
