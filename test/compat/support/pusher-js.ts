// pusher-js, the unmodified Node build, connected to a test server as an application connects it.
import { createRequire } from 'node:module';
import type { Channel, Options, PresenceChannel } from 'pusher-js';
import type { TestServer } from '../../support/server.ts';
import type { Backend, Visitor } from './backend.ts';
import { once } from './heard.ts';

/** The package is CommonJS: its one export is the class. */
export const PusherJs = createRequire(import.meta.url)('pusher-js') as typeof import('pusher-js')['default'];
type PusherJs = InstanceType<typeof PusherJs>;

/** What `connection.bind('error')` is called with. */
export interface ConnectionError {
  readonly type: string;
  readonly error?: { readonly type: string; readonly data?: { readonly code: number; readonly message: string } };
  /** Of `pusher:error` frames on an open connection. */
  readonly data?: { readonly code: number | null; readonly message: string };
}

export interface ClientOptions extends Partial<Options> {
  readonly visitor?: Visitor;
  readonly key?: string;
  /** Where to connect, when that is not the server itself. */
  readonly port?: number;
}

/** The options a self-hosted server needs, for Echo as well. */
export function clientOptions(server: { readonly port: number }, backend?: Backend, visitor?: Visitor): Options {
  const headers = { 'x-user': JSON.stringify(visitor ?? { id: 'visitor' }) };
  return {
    cluster: '',
    wsHost: '127.0.0.1',
    wsPort: server.port,
    wssPort: server.port,
    forceTLS: false,
    enabledTransports: ['ws', 'wss'],
    ...(backend !== undefined && {
      channelAuthorization: { transport: 'ajax', endpoint: `${backend.url}/broadcasting/auth`, headers },
      userAuthentication: { transport: 'ajax', endpoint: `${backend.url}/broadcasting/user-auth`, headers },
    }),
  };
}

/** Disconnects at the end of its scope. */
export class PusherClient extends PusherJs implements Disposable {
  [Symbol.dispose](): void {
    this.disconnect();
  }
}

/** Connecting, not connected yet. */
export function open(server: TestServer, backend?: Backend, options: ClientOptions = {}): PusherClient {
  const { visitor, key = server.app.key, port = server.port, ...rest } = options;
  return new PusherClient(key, { ...clientOptions({ port }, backend, visitor), ...rest });
}

export async function connected(
  server: TestServer,
  backend?: Backend,
  options: ClientOptions = {},
): Promise<PusherClient> {
  const client = open(server, backend, options);
  await once(client.connection, 'connected');
  return client;
}

/** Subscribes and resolves when the server has acknowledged it. */
export async function joined(client: PusherJs, name: string): Promise<Channel> {
  const channel = client.subscribe(name);
  await once(channel, 'pusher:subscription_succeeded');
  return channel;
}

export async function joinedPresence(client: PusherJs, name: string): Promise<PresenceChannel> {
  return (await joined(client, name)) as PresenceChannel;
}

/** A round trip: what the server sent before the answer has arrived. */
export async function settled(client: PusherJs): Promise<void> {
  const pong = once(client, 'pusher:pong');
  client.send_event('pusher:ping', {});
  await pong;
}

/** Whether the client has given up: disconnected, with no attempt scheduled or under way. */
export function hasGivenUp({ connection }: PusherJs): boolean {
  const { state, retryTimer, runner } = connection;
  return state === 'disconnected' && (retryTimer ?? null) === null && (runner ?? null) === null;
}
