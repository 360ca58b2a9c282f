// A bare TCP connection to the server: what arrives is kept until the test takes it.
import { connect, type Socket } from 'node:net';
import type { TestServer } from './server.ts';

export class RawConnection implements AsyncDisposable {
  readonly socket: Socket;
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
  /** Arrived and not taken yet. */
  protected received: Buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  #over = false;

  constructor(server: TestServer) {
    this.socket = connect({ host: server.config.host, port: server.port, noDelay: true });
    this.socket.on('data', (chunk) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.#wake?.();
    });
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      this.socket.on('close', () => {
        this.#over = true;
        this.#wake?.();
        resolve();
      });
    });
  }

  /** Takes that many bytes when they have arrived. */
  protected async take(length: number): Promise<Buffer> {
    await this.until(() => this.received.length >= length);
    const taken = this.received.subarray(0, length);
    this.received = this.received.subarray(length);
    return taken;
  }

  /** Takes the head of an HTTP message, with the empty line that ends it. */
  protected async takeHead(): Promise<string> {
    await this.until(() => this.received.includes('\r\n\r\n'));
    return (await this.take(this.received.indexOf('\r\n\r\n') + 4)).toString('latin1');
  }

  protected async until(met: () => boolean): Promise<void> {
    while (!met()) {
      if (this.#over) throw new Error(`the connection ended, with ${this.received.length} bytes unread`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }
}
