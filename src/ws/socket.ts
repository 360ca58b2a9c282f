// A ws socket as core's Transport. Frames that core built go to the upgrade's own net.Socket, whole and at once; ws
// writes its control frames there too, also whole, as compression is off, so their order holds.
import type { Socket as NetSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { RawData } from 'ws';
import { WebSocket } from 'ws';
import type { Connection } from '../core/connection.ts';
import type { Peer, Transport } from '../core/ports.ts';

/** How long a peer may take to answer a close frame before its TCP connection is ended. */
export const CLOSE_TIMEOUT_MS = 5000;
/** Made once: a stream that is destroyed without an error makes one, with its stack, for each write that waits in it. */
const NOT_READ = new Error('the peer did not read in time');

/** The class the WebSocketServer makes its sockets of, so that handlers need no closure per socket. */
export class Socket extends WebSocket implements Transport {
  #stream: Duplex | undefined;
  #forwardedFor: string | undefined;
  #corked = true;
  /** Hears of what arrives; undefined when the socket was refused. */
  connection: Connection | undefined;

  /** @param stream the upgraded connection underneath, which is corked. */
  attach(stream: Duplex, forwardedFor: string | undefined): void {
    this.#stream = stream;
    this.#forwardedFor = forwardedFor;
    this.on('error', ignore);
  }

  serve(connection: Connection): void {
    this.connection = connection;
    this.on('message', onMessage);
    this.on('ping', onControlFrame);
    this.on('pong', onControlFrame);
    this.on('close', onClose);
  }

  get unsentBytes(): number {
    return this.#stream?.writableLength ?? 0;
  }

  get peer(): Peer {
    const { remoteAddress, bytesRead = 0, bytesWritten = 0 } = (this.#stream ?? {}) as Partial<NetSocket>;
    const forwardedFor = this.#forwardedFor;
    return { address: remoteAddress, forwardedFor, bytesReceived: bytesRead, bytesSent: bytesWritten };
  }

  write(frames: Buffer): void {
    if (this.readyState !== WebSocket.OPEN) return;
    this.#stream?.write(frames);
    this.uncork();
  }

  /** Lets go of the answer to the handshake, which was kept for the first frame to leave with. */
  uncork(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#stream?.uncork();
  }

  /**
   * ws takes a limit at the handshake and offers no way to change it, so this is its receiver's own. Where a version of ws
   * has it elsewhere, the limit of the handshake stays.
   */
  limit(maxMessageBytes: number): void {
    const { _receiver: receiver } = this as unknown as { readonly _receiver?: { _maxPayload?: unknown } };
    if (typeof receiver?._maxPayload === 'number') receiver._maxPayload = maxMessageBytes;
  }

  /** Who does not read is dropped by us, at the time when ws would do it without an error; this timer is the first. */
  override close(code?: number, reason?: string | Buffer): void {
    if (this.unsentBytes > 0) setTimeout(drop, CLOSE_TIMEOUT_MS, this.#stream).unref();
    super.close(code, reason);
  }

  override ping(): void {
    if (this.readyState === WebSocket.OPEN) super.ping();
  }
}

function drop(stream: Duplex | undefined): void {
  stream?.destroy(NOT_READ);
}

// Handlers are called with the socket as `this`: one function for all sockets.

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  // Binary frames are outside the protocol: an empty text is no message either, and is answered as one.
  if (this instanceof Socket) this.connection?.receive(isBinary ? '' : data.toString());
}

function onControlFrame(this: WebSocket): void {
  if (this instanceof Socket) this.connection?.heard();
}

function onClose(this: WebSocket): void {
  if (this instanceof Socket) this.connection?.closed();
}

/** Protocol errors (RFC 6455) and resets: ws closes the socket by itself, with 1002, 1007 or 1009 where it can. */
function ignore(): void {}
