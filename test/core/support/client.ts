// A client of the harness: speaks to a connection of core and reads what its transport recorded.
import { createHmac } from 'node:crypto';
import type { App } from '../../../src/core/app.ts';
import type { Connection } from '../../../src/core/connection.ts';
import type { Core } from '../../../src/core/core.ts';
import { FakeTransport } from './fake-transport.ts';
import { settle } from './time.ts';

export interface ConnectOptions {
  /** undefined: the key names no app. */
  readonly app?: App | undefined;
  readonly protocol?: string | undefined;
  readonly origin?: string | undefined;
}

interface Frame {
  readonly event: string;
  readonly channel?: string;
  readonly data?: unknown;
  readonly user_id?: string;
}

/** A frame in words: `event channel data by user`, each where there is one. */
export function words(text: string): string {
  const { event, channel, data, user_id } = JSON.parse(text) as Frame;
  const parts = [event, channel, typeof data === 'string' ? data : JSON.stringify(data), user_id && `by ${user_id}`];
  return parts.filter((part) => part !== undefined).join(' ');
}

export class Client {
  readonly transport = new FakeTransport();
  /** undefined when the socket was refused. */
  readonly connection: Connection | undefined;
  readonly #app: App;
  #read = 0;

  constructor(core: Core, app: App, options: ConnectOptions) {
    this.#app = ('app' in options ? options.app : app) ?? app;
    this.connection = core.connect({ app, protocol: '7', origin: undefined, ...options }, this.transport);
  }

  get socketId(): string {
    return this.connection?.socketId ?? '';
  }

  /** Says something and does not wait; text as it is, everything else as JSON. */
  say(message: unknown): void {
    this.connection?.receive(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Says it and reads what comes of it. */
  async ask(message: unknown): Promise<string[]> {
    this.say(message);
    return await this.read();
  }

  /** Subscribes without waiting; signed where the name asks for it, unless `auth` is given. */
  subscribing(channel: string, channelData?: string | object, auth?: string): void {
    const data = typeof channelData === 'object' ? JSON.stringify(channelData) : channelData;
    const text = [this.socketId, channel, ...(data === undefined ? [] : [data])].join(':');
    const guarded = /^(private|presence)-/.test(channel);
    this.say({
      event: 'pusher:subscribe',
      data: { channel, auth: auth ?? (guarded ? this.token(text) : ''), channel_data: data },
    });
  }

  async subscribe(channel: string, channelData?: string | object, auth?: string): Promise<string[]> {
    this.subscribing(channel, channelData, auth);
    return await this.read();
  }

  async unsubscribe(channel: string): Promise<string[]> {
    return await this.ask({ event: 'pusher:unsubscribe', data: { channel } });
  }

  async signIn(user: object | string, auth?: string): Promise<string[]> {
    const userData = typeof user === 'string' ? user : JSON.stringify(user);
    const signature = auth ?? this.token(`${this.socketId}::user::${userData}`);
    return await this.ask({ event: 'pusher:signin', data: { auth: signature, user_data: userData } });
  }

  token(text: string): string {
    return `${this.#app.key}:${createHmac('sha256', this.#app.secret).update(text).digest('hex')}`;
  }

  /** What has arrived since the last reading, in words. */
  async read(): Promise<string[]> {
    return (await this.readTexts()).map(words);
  }

  /** What has arrived since the last reading, as the exact texts. */
  async readTexts(): Promise<string[]> {
    await settle();
    const texts = this.transport.texts.slice(this.#read);
    this.#read += texts.length;
    return texts;
  }

  /** The peer's socket closes, and everything that follows of it has happened. */
  async close(): Promise<void> {
    this.connection?.closed();
    await settle();
  }
}
