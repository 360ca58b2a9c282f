// What one socket does between its start and its end, at random: whatever clients and backends do to a server.
import { randomInt } from 'node:crypto';
import { api, trigger } from '../support/api.ts';
import { Client } from '../support/client.ts';
import type { TestServer } from '../support/server.ts';

const PREFIXES = ['public-', 'private-', 'presence-', 'cache-', 'private-cache-', 'presence-cache-'] as const;
const CHANNELS_OF_A_KIND = 30;
const USERS = 40;
const MOST_ACTS = 12;

/** As often as they stand here. */
const ACTS = [
  ...(['join', 'join', 'join', 'join', 'joinRefused', 'leave', 'leave', 'signIn', 'whisper', 'whisper'] as const),
  ...(['publish', 'publish', 'publishToUser', 'terminate', 'list'] as const),
] as const;

function one<T>(choices: readonly T[]): T {
  return choices[randomInt(choices.length)] as T;
}

/** Ends early when the server ends it, as it does with a user who is terminated. */
export class Life {
  readonly #nodes: readonly TestServer[];
  readonly #client: Client;
  readonly #channels = new Set<string>();
  #closed = false;

  constructor(nodes: readonly TestServer[]) {
    this.#nodes = nodes;
    this.#client = new Client(one(nodes));
    void this.#client.closed.then(() => {
      this.#closed = true;
    });
  }

  /** Resolves when the socket is gone, with the number of things it did. */
  async live(): Promise<number> {
    const acts = randomInt(MOST_ACTS);
    let done = 0;
    if (await this.#established()) {
      while (done < acts && !this.#closed) {
        await this[one(ACTS)]();
        done += 1;
      }
    }
    await this.#end();
    return done;
  }

  async #established(): Promise<boolean> {
    const frame = await this.#unlessClosed(this.#client.nextOf('pusher:connection_established'));
    if (frame === undefined) return false;
    this.#client.socketId = (JSON.parse(frame.data as string) as { socket_id: string }).socket_id;
    return true;
  }

  /** As a browser does, or without a word, at times in the middle of a join. */
  async #end(): Promise<void> {
    const how = randomInt(3);
    if (how === 0) return await this.#client.leave();
    if (how === 1 && !this.#closed) this.#client.subscribe(this.#anyChannel(), this.#member());
    await this.#client[Symbol.asyncDispose]();
  }

  async join(): Promise<void> {
    const channel = this.#anyChannel();
    if (this.#channels.has(channel)) return;
    this.#channels.add(channel);
    const member = channel.startsWith('presence-') ? this.#member() : undefined;
    await this.#unlessClosed(this.#client.joined(channel, member));
  }

  /** A join that is refused, as its signature is another channel's. */
  async joinRefused(): Promise<void> {
    this.#client.send({ event: 'pusher:subscribe', data: { channel: 'private-closed', auth: 'app-key:00' } });
    await this.#unlessClosed(this.#client.nextOf('pusher:subscription_error'));
  }

  async leave(): Promise<void> {
    if (this.#channels.size === 0) return;
    const channel = one([...this.#channels]);
    this.#channels.delete(channel);
    this.#client.send({ event: 'pusher:unsubscribe', data: { channel } });
    await this.#heard();
  }

  async signIn(): Promise<void> {
    const watchlist = [this.#user(), this.#user()];
    this.#client.signIn({ id: this.#user(), user_info: { name: 'Ada' }, watchlist });
    await this.#heard();
  }

  async whisper(): Promise<void> {
    const guarded = [...this.#channels].filter((channel) => /^(private|presence)-/.test(channel));
    if (guarded.length === 0) return;
    const data = { text: 'x'.repeat(randomInt(500)) };
    this.#client.send({ event: 'client-typing', channel: one(guarded), data });
    await this.#heard();
  }

  async publish(): Promise<void> {
    const exclude = randomInt(2) === 0 && { socket_id: this.#client.socketId };
    const data = 'x'.repeat(randomInt(2000));
    expectOk(await trigger(one(this.#nodes), { name: 'e', channel: this.#anyChannel(), data, ...exclude }));
  }

  async publishToUser(): Promise<void> {
    const channel = `#server-to-user-${this.#user()}`;
    expectOk(await trigger(one(this.#nodes), { name: 'e', channel, data: '{}' }));
  }

  terminate(): Promise<void> {
    return this.#request('POST', `/users/${this.#user()}/terminate_connections`);
  }

  list(): Promise<void> {
    return this.#request('GET', '/channels');
  }

  async #request(method: string, path: string): Promise<void> {
    const node = one(this.#nodes);
    expectOk(await api(node, method, `/apps/${node.app.id}${path}`));
  }

  /** The server has dealt with what was sent so far. */
  async #heard(): Promise<void> {
    this.#client.send({ event: 'pusher:ping', data: {} });
    await this.#unlessClosed(this.#client.nextOf('pusher:pong'));
  }

  async #unlessClosed<T>(frame: Promise<T>): Promise<T | undefined> {
    return await Promise.race([frame, this.#client.closed.then(() => undefined)]);
  }

  #anyChannel(): string {
    return one(PREFIXES) + randomInt(CHANNELS_OF_A_KIND);
  }

  #user(): string {
    return `user-${randomInt(USERS)}`;
  }

  #member(): object {
    return { user_id: this.#user(), user_info: { name: 'Ada' } };
  }
}

function expectOk({ status, text }: { status: number; text: string }): void {
  if (status !== 200) throw new Error(`expected 200, got ${status} ${text}`);
}
