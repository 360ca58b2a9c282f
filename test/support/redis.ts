// A real redis-server on a free port of this machine, without persistence, disposed of with `await using`.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Logger, pino } from 'pino';
import { freePort } from '../bench/free-port.ts';

export { freePort };

/** The `redis` section of a configuration. */
export interface RedisSettings {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly tls: boolean;
  readonly prefix: string;
}

export class TestRedis implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #arguments: readonly string[];
  #process: ChildProcess | undefined;

  constructor(port: number, folder: string, args: readonly string[]) {
    this.port = port;
    this.#folder = folder;
    this.#arguments = args;
  }

  /** With a key prefix nobody else has: a cluster of its own. */
  settings(): RedisSettings {
    return { host: '127.0.0.1', port: this.port, db: 0, tls: false, prefix: `${randomUUID()}:` };
  }

  /** Resolves when Redis takes connections. */
  async start(): Promise<void> {
    const options = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder];
    const noPersistence = ['--save', '', '--appendonly', 'no'];
    const redis = spawn('redis-server', [...options, ...noPersistence, ...this.#arguments]);
    this.#process = redis;
    const printed: string[] = [];
    for await (const line of createInterface(redis.stdout)) {
      printed.push(line);
      if (line.includes('Ready to accept connections')) {
        redis.stdout.resume();
        return;
      }
    }
    throw new Error(`redis-server did not start:\n${printed.join('\n')}`);
  }

  /** Without a word to its clients. Resolves when the process is gone; it may be started again. */
  async kill(): Promise<void> {
    const redis = this.#process;
    this.#process = undefined;
    if (redis === undefined || redis.exitCode !== null || redis.signalCode !== null) return;
    redis.kill('SIGKILL');
    await once(redis, 'exit');
  }

  /** SIGSTOP makes it stand still, SIGCONT go on. */
  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** @param args further arguments of redis-server, such as --requirepass */
export async function startRedis(...args: string[]): Promise<TestRedis> {
  const redis = new TestRedis(await freePort(), await mkdtemp(join(tmpdir(), 'fanfare-redis-')), args);
  await redis.start();
  return redis;
}

/** A way to Redis for one node that can be cut off: dead for the others, or stalled when it is opened again. */
export class Gate implements AsyncDisposable {
  readonly port: number;
  readonly #redisPort: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(port: number, redisPort: number) {
    this.port = port;
    this.#redisPort = redisPort;
  }

  async open(): Promise<void> {
    this.#server = createServer((socket) => {
      const redis = connect(this.#redisPort, '127.0.0.1');
      for (const end of [socket, redis]) {
        this.#sockets.add(end);
        end.on('error', () => {}).on('close', () => [socket, redis].map((other) => other.destroy()));
      }
      socket.pipe(redis).pipe(socket);
    }).listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Cuts every connection and takes no new ones. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
    server.close();
    await once(server, 'close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

export async function openGate(redis: TestRedis): Promise<Gate> {
  const gate = new Gate(await freePort(), redis.port);
  await gate.open();
  return gate;
}

export type LogEntry = Readonly<Record<string, unknown>> & { readonly msg: string };

/** A logger whose entries can be waited for. */
export class Log {
  readonly logger: Logger;
  readonly entries: LogEntry[] = [];
  readonly #waiting = new Set<{ readonly message: string; readonly resolve: (entry: LogEntry) => void }>();

  constructor() {
    this.logger = pino({ level: 'trace' }, { write: (line: string) => this.#add(JSON.parse(line) as LogEntry) });
  }

  count(message: string): number {
    return this.entries.filter(({ msg }) => msg === message).length;
  }

  /** The next entry with this message, from now on. */
  next(message: string): Promise<LogEntry> {
    return new Promise((resolve) => this.#waiting.add({ message, resolve }));
  }

  #add(entry: LogEntry): void {
    this.entries.push(entry);
    for (const waiting of this.#waiting) {
      if (waiting.message !== entry.msg) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(entry);
    }
  }
}
