// An application with an authorization endpoint of its own: a real HTTP server that answers as a test says.
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers, or does something worse. */
export type Behaviour = (response: ServerResponse, asked: Asked) => void;

/** An answer as JSON, or text as it is. */
export function answering(status: number, body: unknown = '', headers: Record<string, string> = {}): Behaviour {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

export class Application implements AsyncDisposable {
  readonly asked: Asked[] = [];
  behaviour: Behaviour;
  readonly #server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method, url: path, headers } = request;
    const asked = { method, path, headers, body: Buffer.concat(chunks).toString() };
    this.asked.push(asked);
    this.behaviour(response, asked);
    this.#waiting.splice(0).forEach((resolve) => {
      resolve();
    });
  });
  #waiting: (() => void)[] = [];

  private constructor(behaviour: Behaviour) {
    this.behaviour = behaviour;
  }

  static async start(behaviour: Behaviour = answering(200)): Promise<Application> {
    const application = new Application(behaviour);
    application.#server.listen(0, '127.0.0.1');
    await once(application.#server, 'listening');
    return application;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/broadcasting/auth`;
  }

  /** Resolves when it has been asked so often. */
  async askedTimes(count: number): Promise<void> {
    while (this.asked.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
