// A raw WebSocket client: every frame that arrives is waited for with `await next()`, none is lost.
import { expect } from 'vitest';
import { WebSocket } from 'ws';
import { sign } from '../../src/protocol/signature.ts';
import type { TestServer } from './server.ts';

/** What a client has to know of a server, in this process or another. */
export type Served = Pick<TestServer, 'port' | 'app' | 'config'>;

export interface Frame {
  readonly event: string;
  readonly channel?: string;
  readonly data?: unknown;
  readonly user_id?: string;
}

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

export interface ConnectOptions {
  readonly key?: string;
  /** Without the leading `?`. */
  readonly query?: string;
  readonly origin?: string;
  readonly path?: string;
}

export class Client implements AsyncDisposable {
  /** Empty until connection_established arrived. */
  socketId = '';
  readonly socket: WebSocket;
  /** Resolves with the close frame's code and reason. */
  readonly closed: Promise<Closed>;
  readonly #server: Served;
  readonly #arrived: string[] = [];
  readonly #waiting: ((text: string) => void)[] = [];

  constructor(server: Served, options: ConnectOptions = {}) {
    const { key = server.app.key, query = 'protocol=7&client=test&version=1.0', path = server.config.path } = options;
    const scheme = server.config.tls === undefined ? 'ws' : 'wss';
    const host = server.config.host.includes(':') ? `[${server.config.host}]` : server.config.host;
    this.#server = server;
    this.socket = new WebSocket(`${scheme}://${host}:${server.port}${path}/app/${key}?${query}`, {
      ...(options.origin !== undefined && { origin: options.origin }),
      rejectUnauthorized: false,
    });
    this.socket.on('message', (data) => this.#onText(data.toString()));
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  /** The text of the next frame, in order of arrival. */
  nextText(): Promise<string> {
    const text = this.#arrived.shift();
    return text !== undefined ? Promise.resolve(text) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  async next(): Promise<Frame> {
    return JSON.parse(await this.nextText()) as Frame;
  }

  /** The next frame that is this event; frames before it are dropped. */
  async nextOf(event: string): Promise<Frame> {
    for (;;) {
      const frame = await this.next();
      if (frame.event === event) return frame;
    }
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message));
  }

  /** Sends a subscribe, signed with the app's secret when the channel is guarded. */
  subscribe(channel: string, channelData?: object | string): void {
    const data = typeof channelData === 'object' ? JSON.stringify(channelData) : channelData;
    const guarded = channel.startsWith('private-') || channel.startsWith('presence-');
    const text = [this.socketId, channel, ...(data === undefined ? [] : [data])].join(':');
    const auth = guarded ? sign(this.#server.app, text) : '';
    this.send({
      event: 'pusher:subscribe',
      data: { channel, auth, ...(data !== undefined && { channel_data: data }) },
    });
  }

  /** Subscribes and resolves with the acknowledgement; frames before it are dropped. */
  async joined(channel: string, channelData?: object | string): Promise<Frame> {
    this.subscribe(channel, channelData);
    for (;;) {
      const frame = await this.nextOf('pusher_internal:subscription_succeeded');
      if (frame.channel === channel) return frame;
    }
  }

  signIn(user: object | string): void {
    const userData = typeof user === 'string' ? user : JSON.stringify(user);
    const auth = sign(this.#server.app, `${this.socketId}::user::${userData}`);
    this.send({ event: 'pusher:signin', data: { auth, user_data: userData } });
  }

  /** Proves that nothing is on its way: the answer to a ping is the next frame. */
  async expectNothing(): Promise<void> {
    this.send({ event: 'pusher:ping', data: {} });
    expect(await this.next()).toEqual({ event: 'pusher:pong', data: '{}' });
  }

  /** Closes as a browser does, and resolves when the socket is gone. */
  async leave(): Promise<void> {
    this.socket.close(1000);
    await this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate();
    await this.closed;
  }

  #onText(text: string): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting(text);
    else this.#arrived.push(text);
  }
}

/** Connects and waits for connection_established. */
export async function connect(server: Served, options: ConnectOptions = {}): Promise<Client> {
  const client = new Client(server, options);
  const { data } = await client.nextOf('pusher:connection_established');
  client.socketId = (JSON.parse(data as string) as { socket_id: string }).socket_id;
  return client;
}
