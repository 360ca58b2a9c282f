// A redis-server of any kind, whose log can be waited for, disposed of with `await using`.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { freePort } from './redis.ts';

const quiet = ['save ""', 'appendonly no', 'repl-diskless-sync-delay 0', 'bind 127.0.0.1'];

/** What a test that was given up left behind ends with its process. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const redis of running) redis.kill('SIGKILL');
});

export class RedisProcess implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #process: ChildProcess;
  readonly #lines: string[] = [];
  #onLine: () => void = () => {};

  private constructor(port: number, folder: string, args: readonly string[]) {
    this.port = port;
    this.#folder = folder;
    this.#process = spawn('redis-server', [join(folder, 'redis.conf'), ...args]);
    createInterface(this.#process.stdout as NodeJS.ReadableStream).on('line', (line) => {
      this.#lines.push(line);
      this.#onLine();
    });
    running.add(this.#process);
    this.#process.once('exit', () => {
      running.delete(this.#process);
      this.#onLine();
    });
  }

  /**
   * @param config lines of its configuration file; {port} is its port
   * @param files further files of its folder
   */
  static async start(
    config: readonly string[],
    { port, files = {}, args = [] }: { port?: number; files?: Record<string, string>; args?: readonly string[] } = {},
  ): Promise<RedisProcess> {
    const own = port ?? (await freePort());
    const folder = await mkdtemp(join(tmpdir(), 'fanfare-redis-'));
    const text = [...(args.includes('--sentinel') ? ['bind 127.0.0.1'] : quiet), `dir ${folder}`, ...config].join('\n');
    const all = { ...files, 'redis.conf': `${text.replaceAll('{port}', String(own))}\n` };
    await Promise.all(Object.entries(all).map(([name, content]) => writeFile(join(folder, name), content)));
    return new RedisProcess(own, folder, args);
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** The first line of its log with this text, of the past or yet to come. */
  async line(text: string): Promise<string> {
    for (;;) {
      const found = this.#lines.find((line) => line.includes(text));
      if (found !== undefined) return found;
      if (this.#isGone) throw new Error(`redis-server ended without "${text}":\n${this.#lines.join('\n')}`);
      await new Promise<void>((resolve) => {
        const before = this.#onLine;
        this.#onLine = () => {
          before();
          this.#onLine = before;
          resolve();
        };
      });
    }
  }

  /** SIGSTOP makes it stand still, SIGCONT go on. */
  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Without a word to its clients. */
  async kill(): Promise<void> {
    if (this.#isGone) return;
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }

  /** A plain connection, to look at it from outside. */
  admin(options: object = {}): Redis & Disposable {
    const connection = new Redis({ port: this.port, host: '127.0.0.1', ...options });
    return Object.assign(connection, { [Symbol.dispose]: () => connection.disconnect() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #isGone(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }
}
