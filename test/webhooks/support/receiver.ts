// An application's webhook endpoint: a real HTTP server that keeps what it is sent and answers as it is told.
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedEvent {
  readonly id: string;
  readonly name: string;
  readonly channel: string;
  readonly user_id?: string;
  readonly socket_id?: string;
  readonly event?: string;
  readonly data?: string;
  readonly subscription_count?: number;
}

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: string;
  readonly timeMs: number;
  readonly events: readonly ReceivedEvent[];
}

export type Behaviour = (request: IncomingMessage, response: ServerResponse, received: Received) => void;

export const answer =
  (status: number, headers: Record<string, string> = {}): Behaviour =>
  (_, response) =>
    void response.writeHead(status, headers).end('ok');

/** Takes the request and says nothing. */
export const hang: Behaviour = () => {};

export class Receiver implements AsyncDisposable {
  readonly #http = createServer((request, response) => void this.#receive(request, response));
  /** Every request, whatever it was answered. */
  readonly requests: Received[] = [];
  behave: Behaviour;
  #wake: (() => void)[] = [];
  port = 0;

  constructor(behave: Behaviour) {
    this.behave = behave;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`;
  }

  /** @param port 0: any. The one it had before, to be back after `close`. */
  async open(port = 0): Promise<this> {
    this.#http.listen(port, '127.0.0.1');
    await once(this.#http, 'listening');
    this.port = (this.#http.address() as AddressInfo).port;
    return this;
  }

  /** Nobody can connect. */
  async close(): Promise<void> {
    if (!this.#http.listening) return;
    this.#http.close();
    this.#http.closeAllConnections();
    await once(this.#http, 'close');
  }

  /** Resolves when what was received satisfies this. */
  async until(satisfied: (requests: readonly Received[]) => boolean): Promise<void> {
    while (!satisfied(this.requests)) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  /** Resolves with all events so far, once there are so many. */
  async events(count: number): Promise<ReceivedEvent[]> {
    await this.until((requests) => requests.flatMap(({ events }) => events).length >= count);
    return this.all();
  }

  all(): ReceivedEvent[] {
    return this.requests.flatMap(({ events }) => events);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const body = Buffer.concat(chunks).toString();
    const { time_ms: timeMs, events } = JSON.parse(body) as { time_ms: number; events: ReceivedEvent[] };
    const received = { headers: request.headers, rawHeaders: request.rawHeaders, body, timeMs, events };
    this.requests.push(received);
    this.behave(request, response, received);
    for (const wake of this.#wake.splice(0)) wake();
  }
}

export async function startReceiver(behave: Behaviour = answer(200)): Promise<Receiver> {
  return await new Receiver(behave).open();
}

/** An event in words: its name, channel and what else it has. */
export function inWords({ id: _, name, channel, ...rest }: ReceivedEvent): string {
  return [name, channel, ...Object.values(rest)].join(' ').trim();
}

/** Of what may come twice, each once, in the order of first arrival. */
export function distinct(events: readonly ReceivedEvent[]): ReceivedEvent[] {
  return [...new Map(events.map((event) => [event.id, event])).values()];
}
