// One WebSocket of the load: connects, upgrades, and hands on what the server sends. As little work per frame as can be.
import { connect, type Socket } from 'node:net';
import { clientFrame, FrameReader, type FrameSink, opcodes } from './frames.ts';
import { type Address, authority } from './target.ts';

/** Of what happens to its sockets. */
export interface Owner {
  /** The server has greeted the socket: its id is known. */
  established(receiver: Receiver): void;
  /** A text frame after the greeting: buffer[from, to), good only during the call. */
  text(receiver: Receiver, buffer: Buffer, from: number, to: number): void;
  /** The socket was lost, or refused: once, and nothing comes after it. Not when it was closed from here. */
  lost(receiver: Receiver, why: string): void;
}

/** All sockets read into the same buffer: what is in it is used up, or copied, before the next one reads. */
const shared = Buffer.allocUnsafe(64 * 1024);
/** RFC 6455 §1.3's own example: the answer is always the same. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
const PONG = clientFrame(opcodes.text, '{"event":"pusher:pong","data":{}}');

export class Receiver implements FrameSink {
  readonly index: number;
  socketId = '';
  /** For its owner: how many events it heard, and the sum of their numbers where they are read. */
  heard = 0;
  sum = 0;
  /** Of the server's close frame. */
  closeCode: number | undefined;
  readonly #owner: Owner;
  readonly #socket: Socket;
  /** The answer to the upgrade as far as it has come; undefined when it was whole. */
  #answer: Buffer | undefined = Buffer.alloc(0);
  readonly #frames = new FrameReader(this);
  #isOver = false;

  constructor(index: number, address: Address, appKey: string, owner: Owner) {
    this.index = index;
    this.#owner = owner;
    const onread = { buffer: shared, callback: (bytes: number) => this.#read(bytes) };
    this.#socket = connect({ host: address.host, port: address.port, noDelay: true, onread });
    this.#socket.on('error', (error) => this.#lose(error.message));
    this.#socket.on('close', () => this.#lose('the server closed the connection'));
    this.#socket.write(
      `GET /app/${appKey}?protocol=7&client=bench&version=1.0 HTTP/1.1\r\nHost: ${authority(address)}\r\n` +
        `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
  }

  /** @param frame from clientFrame */
  write(frame: Buffer): void {
    this.#socket.write(frame);
  }

  /** Of a text that is rare: answers a ping, loses the socket over an error. @returns what else it was */
  unusual(text: string): { readonly event: string } | undefined {
    const message = JSON.parse(text) as { readonly event: string };
    if (message.event === 'pusher:ping') this.#socket.write(PONG);
    else if (message.event === 'pusher:error' || message.event.endsWith('_error'))
      this.#lose(`the server said ${text}`);
    else return message;
    return undefined;
  }

  /** Reads nothing any more: what the server sends stays on its way. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#isOver = true;
    this.#socket.destroy();
  }

  frame(opcode: number, buffer: Buffer, from: number, to: number): void {
    if (opcode === opcodes.text) {
      if (this.socketId !== '') this.#owner.text(this, buffer, from, to);
      else this.#greet(buffer.toString('utf8', from, to));
    } else if (opcode === opcodes.ping) this.write(clientFrame(opcodes.pong, buffer.subarray(from, to)));
    else if (opcode === opcodes.close) {
      if (to - from >= 2) this.closeCode = buffer.readUInt16BE(from);
      this.#lose(
        `the server closed it: ${this.closeCode ?? 'no code'} ${buffer.toString('utf8', Math.min(from + 2, to), to)}`,
      );
    }
  }

  /** @returns true: go on reading */
  #read(bytes: number): boolean {
    if (this.#isOver) return true;
    try {
      if (this.#answer === undefined) this.#frames.push(shared, 0, bytes);
      else this.#upgrade(Buffer.concat([this.#answer, shared.subarray(0, bytes)]));
    } catch (error) {
      this.#lose(error instanceof Error ? error.message : String(error));
    }
    return true;
  }

  /** Behind the answer there may be frames already. */
  #upgrade(bytes: Buffer): void {
    this.#answer = bytes;
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return;
    const answer = bytes.toString('latin1', 0, end);
    if (!answer.startsWith('HTTP/1.1 101') || !answer.includes(ACCEPT)) {
      throw new Error(`the upgrade was refused: ${answer.split('\r\n', 1)[0]}`);
    }
    this.#answer = undefined;
    this.#frames.push(bytes, end + 4, bytes.length);
  }

  #greet(text: string): void {
    const { event, data } = JSON.parse(text) as { readonly event: string; readonly data: string };
    if (event !== 'pusher:connection_established') throw new Error(`the server said ${text}`);
    this.socketId = (JSON.parse(data) as { readonly socket_id: string }).socket_id;
    this.#owner.established(this);
  }

  #lose(why: string): void {
    if (this.#isOver) return;
    this.close();
    this.#owner.lost(this, `socket ${this.index}: ${why}`);
  }
}
