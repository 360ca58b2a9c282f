// What PostgreSQL and MariaDB have in common as servers of a test: a process that refuses to run as root, a folder, a port.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate as immediate } from 'node:timers/promises';
import { makeCertificate } from './certificate.ts';

/** The database and its owner; the password is one that must be escaped in a URL. */
export const DATABASE = { name: 'shop', user: 'fanfare', password: 'pa%ss:w0rd@/?' } as const;

/** Whom a server runs as: its own user where we are root. */
export type Identity = { readonly uid: number; readonly gid: number } | Record<string, never>;

/** What a test that was given up left behind ends with its process. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const server of running) server.kill('SIGKILL');
});

export function identityOf(user: string): Identity {
  if (process.getuid?.() !== 0) return {};
  const number = (option: string): number => Number(execFileSync('id', [option, user], { encoding: 'utf8' }));
  return { uid: number('-u'), gid: number('-g') };
}

/** A folder below the temporary one that the server may use. */
export async function makeFolder({ uid, gid }: Identity): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fanfare-sql-'));
  if (uid !== undefined && gid !== undefined) await chown(folder, uid, gid);
  return folder;
}

/** A certificate that the server may read; it is its own authority. */
export async function makeServerCertificate(folder: string, { uid, gid }: Identity, name: string | undefined) {
  const files = makeCertificate(folder, name);
  for (const file of Object.values(files)) {
    if (uid !== undefined && gid !== undefined) await chown(file, uid, gid);
    await chmod(file, 0o600);
  }
  return files;
}

/** A database server that can be killed, started again and made to stand still. */
export class ServerProcess implements AsyncDisposable {
  readonly #folder: string;
  readonly #identity: Identity;
  readonly #command: readonly string[];
  readonly #ready: string;
  #process: ChildProcess | undefined;

  /** @param ready what its log says once it takes connections */
  constructor(folder: string, identity: Identity, command: readonly string[], ready: string) {
    this.#folder = folder;
    this.#identity = identity;
    this.#command = command;
    this.#ready = ready;
  }

  /** Resolves when the server takes connections. */
  async start(): Promise<void> {
    const [program = '', ...args] = this.#command;
    const server = spawn(program, args, { ...this.#identity, cwd: this.#folder, stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = server;
    running.add(server);
    server.once('exit', () => running.delete(server));
    const printed: string[] = [];
    for await (const line of createInterface(server.stderr)) {
      printed.push(line);
      if (!line.includes(this.#ready)) continue;
      server.stderr.resume();
      return;
    }
    throw new Error(`${program} did not start:\n${printed.join('\n')}`);
  }

  /** Without a goodbye to its clients. Resolves when it is gone; it may be started again. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const server = this.#process;
    this.#process = undefined;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    server.kill(signal);
    await once(server, 'exit');
  }

  /** It and the processes it made. Resolves when not a thread of them runs any more: the signal alone takes a while. */
  async standStill(): Promise<void> {
    const all = this.#processes();
    for (const pid of all) process.kill(pid, 'SIGSTOP');
    while (!all.every(isStopped)) await immediate();
  }

  goOn(): void {
    for (const pid of this.#processes()) process.kill(pid, 'SIGCONT');
  }

  #processes(): readonly number[] {
    const pid = this.#process?.pid;
    if (pid === undefined || this.#process?.exitCode !== null || this.#process.signalCode !== null) return [];
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
    return [pid, ...children.map(Number)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.goOn();
    await this.kill('SIGQUIT');
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function isStopped(pid: number): boolean {
  // The state is the first field after the name, which is in parentheses.
  const states = readdirSync(`/proc/${pid}/task`).map((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .slice(0, 1),
  );
  return states.every((state) => state === 'T');
}

/** A server with an empty database. */
export type TestDatabase = ServerProcess & {
  readonly kind: 'postgres' | 'mysql';
  readonly port: number;
  /** Of the database, as its owner, over 127.0.0.1 without TLS. */
  readonly url: string;
  /** PEM; the server's certificate is its own authority. */
  readonly authorityFile: string;
  /** By hand, past everything of ours: one statement. */
  readonly run: (statement: string) => Promise<Record<string, unknown>[]>;
  /** As `run`, in a transaction that is not ended until it is disposed of. */
  readonly hold: (statement: string) => Promise<AsyncDisposable>;
};
