// A TCP relay between a client and a server: it can be cut, frozen, or plugged into another server.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  /** What the server sent while the cable was frozen. */
  readonly held: Buffer[];
}

export class Cable implements AsyncDisposable {
  /** Where new connections go. */
  target: number;
  readonly #server = createServer((client) => this.#link(client));
  readonly #links = new Set<Link>();
  #frozen = false;
  #heldText: { readonly text: string; readonly resolve: () => void } | undefined;

  private constructor(target: number) {
    this.target = target;
  }

  static async to(target: number): Promise<Cable> {
    const cable = new Cable(target);
    await new Promise<void>((resolve) => cable.#server.listen(0, '127.0.0.1', resolve));
    return cable;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resets every connection, without a closing handshake. */
  cut(): void {
    for (const { client, server } of this.#links) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  /** Nothing passes any more, while both ends believe that they are connected. */
  freeze(): void {
    this.#frozen = true;
    for (const { client } of this.#links) client.pause();
  }

  /** The server's side is not read any more: what it sends piles up there. */
  clog(): void {
    for (const { server } of this.#links) server.pause();
  }

  /** Resolves when the server has sent this text to the frozen client. */
  held(text: string): Promise<void> {
    return new Promise((resolve) => {
      this.#heldText = { text, resolve };
      for (const link of this.#links) this.#checkHeld(link);
    });
  }

  /** Undoes `freeze` and `clog`. */
  thaw(): void {
    this.#frozen = false;
    for (const { client, server, held } of this.#links) {
      for (const chunk of held.splice(0)) client.write(chunk);
      client.resume();
      server.resume();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #link(client: Socket): void {
    const server = connect(this.target, '127.0.0.1');
    const link: Link = { client, server, held: [] };
    this.#links.add(link);
    client.on('data', (chunk) => server.write(chunk));
    server.on('data', (chunk) => {
      if (!this.#frozen) {
        client.write(chunk);
        return;
      }
      link.held.push(chunk);
      this.#checkHeld(link);
    });
    client.on('end', () => server.end());
    server.on('end', () => client.end());
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#links.delete(link);
        if (socket === client || !this.#frozen) other.destroy();
      });
    }
  }

  #checkHeld({ held }: Link): void {
    const { text, resolve } = this.#heldText ?? {};
    if (text !== undefined && Buffer.concat(held).includes(text)) resolve?.();
  }
}
