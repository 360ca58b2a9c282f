// What a node has open to Redis, wherever that is, and what every single connection of it has in common.
import { readFileSync } from 'node:fs';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { type Cluster, Redis, type RedisOptions as RedisConnectionOptions } from 'ioredis';
import { type Endpoint, endpointText, type RedisOptions } from './settings.ts';
import './stream-errors.ts';

export const CONNECT_WITHIN_MS = 3000;
/** A connection on which an answer is owed and nothing arrives for so long is given up and made anew. */
export const ANSWER_WITHIN_MS = 5000;
/** A connection that is closed is gone after this, whether the other side says so or not. */
const CLOSED_WITHIN_MS = 500;
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2000;

/** Without what changes the types of answers. */
export type ConnectionOptions = Omit<RedisConnectionOptions, 'replyMapping'>;

/** Listens to channels. All is forgotten with a loss: whoever subscribed does so again. */
export interface Subscriber {
  readonly ready: boolean;
  /** Resolves when Redis has confirmed all of them. */
  subscribe(names: readonly string[]): Promise<unknown>;
  unsubscribe(name: string): Promise<unknown>;
  onMessage(listener: (name: Buffer, message: Buffer) => void): void;
  /** @param listener is called when messages may be missed from now on, until the client is restored */
  onLost(listener: () => void): void;
}

/** Everything open, for commands and for listening. It comes back by itself. */
export interface Connections {
  readonly commands: Redis | Cluster;
  readonly subscriber: Subscriber;
  /** All of it is up. */
  readonly ready: boolean;
  /** Rejects when it cannot be opened; what the reason is was reported, or is the error. */
  connect(): Promise<void>;
  disconnect(): void;
  publish(name: string, message: Buffer): Promise<unknown>;
  /** Rejects when any connection does not answer. */
  ping(): Promise<unknown>;
}

/** What a client hears of its connections; each may come any number of times. */
export interface ConnectionEvents {
  readonly onUp: () => void;
  readonly onDown: () => void;
  /** Why something is not there, in a few words without secrets. */
  readonly onTrouble: (reason: string) => void;
}

/** No command waits in a queue or is sent twice: what Redis did not answer has failed. */
export const atOnce = {
  lazyConnect: true,
  connectTimeout: CONNECT_WITHIN_MS,
  socketTimeout: ANSWER_WITHIN_MS,
  disconnectTimeout: CLOSED_WITHIN_MS,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
} as const satisfies ConnectionOptions;

/** A connection to this server and no other; the caller hears of its troubles. */
export function connectionTo(
  endpoint: Endpoint,
  options: ConnectionOptions,
  onTrouble: (reason: string) => void,
): Redis {
  const connection = new Redis({ ...atOnce, ...options, host: endpoint.host, port: endpoint.port });
  connection.on('error', (err: Error) => onTrouble(`${endpointText(endpoint)}: ${reasonOf(err)}`));
  return connection;
}

/** undefined without TLS. Reads the files, which a checked configuration has. */
export function tlsOf({ caFile, certFile, keyFile, serverName }: RedisOptions, tls: boolean): TlsOptions | undefined {
  if (!tls) return undefined;
  return {
    ...(caFile !== undefined && { ca: readFileSync(caFile) }),
    ...(certFile !== undefined && { cert: readFileSync(certFile) }),
    ...(keyFile !== undefined && { key: readFileSync(keyFile) }),
    ...(serverName !== undefined && { servername: serverName }),
  };
}

/** In a few words: OpenSSL has them between the name of its function and that of its file. */
export function reasonOf({ message, name, code }: Error & { readonly code?: string }): string {
  const [, ofOpenSsl] = /SSL routines:[^:]*:([^:]+)/.exec(message) ?? [];
  return ofOpenSsl ?? (message.replace(/^connect /, '') || (code ?? name));
}

/** Doubling, with jitter so that not all nodes come at once. */
export function retryAfterMs(attempt: number): number {
  const waitMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempt - 1, 10), LONGEST_RETRY_MS);
  return waitMs * (0.75 + Math.random() / 4);
}
