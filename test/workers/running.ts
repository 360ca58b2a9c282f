// The built program with several workers, and which of them serves whom. `npm test` builds it first.
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type Client, connect } from '../support/client.ts';
import { Program } from '../support/program.ts';
import { credentials, type LogLine, type TestServer } from '../support/server.ts';

const BASE = { FANFARE_LOG_FORMAT: 'json', FANFARE_LOG_LEVEL: 'debug' };

export class Running implements AsyncDisposable {
  readonly program: Program;
  /** What was logged by all processes, in order of arrival. */
  readonly logged: LogLine[] = [];
  #waiting: (() => void)[] = [];
  #over = false;
  #server: TestServer | undefined;

  /** With the development app, on a free port of this machine unless the arguments say otherwise. */
  constructor(args: readonly string[], env: Record<string, string> = {}) {
    this.program = new Program('node', ['dist/main.js', 'start', '--port', '0', ...args], { env: { ...BASE, ...env } });
    if (this.program.child.stdout === null) throw new Error('no output');
    createInterface({ input: this.program.child.stdout }).on('line', (text) => {
      if (text.startsWith('{')) this.logged.push(JSON.parse(text) as LogLine);
      this.#wake();
    });
    void once(this.program.child, 'close').then(() => {
      this.#over = true;
      this.#wake();
    });
  }

  get primaryPid(): number {
    return this.program.child.pid ?? 0;
  }

  /** Of every worker that ever listened. */
  get workerPids(): number[] {
    return this.logged.filter(({ msg }) => msg === 'listening').map(({ pid }) => Number(pid));
  }

  /** As the tests' clients and requests want it; once it is up. */
  get server(): TestServer {
    if (this.#server === undefined) throw new Error('not up');
    return this.#server;
  }

  /** The first line that matches, logged already or still to come. */
  async line(matches: (line: LogLine) => boolean): Promise<LogLine> {
    for (;;) {
      const found = this.logged.find(matches);
      if (found !== undefined) return found;
      if (this.#over) throw new Error(`it ended:\n${this.program.printed}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async up(): Promise<this> {
    const { url, workers } = await this.line(({ msg }) => msg === 'all workers are up');
    // Each process has its own way to the output.
    await this.line(() => this.workerPids.length === workers);
    const { hostname: host, port } = new URL(String(url));
    const server = { port: Number(port), url, config: { host, path: '' }, app: credentials };
    this.#server = server as unknown as TestServer;
    return this;
  }

  /** The worker that serves the client. */
  async pidOf({ socketId }: Client): Promise<number> {
    const { pid } = await this.line((line) => line.msg === 'connection opened' && line.socketId === socketId);
    return Number(pid);
  }

  /** One client on each of these workers, in their order. */
  async connectTo(...pids: number[]): Promise<Client[]> {
    const clients = new Map<number, Client>();
    while (!pids.every((pid) => clients.has(pid))) {
      const client = await connect(this.server);
      const pid = await this.pidOf(client);
      if (clients.has(pid) || !pids.includes(pid)) await client.leave();
      else clients.set(pid, client);
    }
    return pids.map((pid) => clients.get(pid) as Client);
  }

  /** Resolves when all processes are gone: they share the primary's output. */
  exit(): Promise<number | null> {
    return this.program.exit();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
  }
}

/** `--dev` with so many workers, up. */
export async function startWorkers(count: number, env: Record<string, string> = {}): Promise<Running> {
  const running = new Running(['--dev', '--workers', String(count)], env);
  try {
    return await running.up();
  } catch (err) {
    await running[Symbol.asyncDispose]();
    throw err;
  }
}
