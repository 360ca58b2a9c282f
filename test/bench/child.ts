// Processes the benchmark starts: waited for, ended with it, and killed if it ends in the middle.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

/** After SIGTERM; a server that has profiles to write needs a while. */
const END_MS = 20_000;
/** Of what a process printed, for the message when it fails. */
const KEPT_LINES = 20;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Child implements AsyncDisposable {
  readonly pid: number;
  readonly #process: ChildProcess;
  readonly #printed: string[] = [];
  readonly #name: string;
  #onLine: ((line: string) => void) | undefined;
  /** Until then, its end is what `line` rejects with; from then on, nobody expects it. */
  #isUp = false;
  #isEnding = false;

  /** @param env replaces the environment but for PATH and HOME. */
  constructor(name: string, command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(command, args, { env: { PATH, HOME, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#name = name;
    this.#process = child;
    this.pid = child.pid ?? 0;
    running.add(child);
    child.on('exit', () => running.delete(child));
    child.on('close', () => {
      if (this.#isUp && !this.#isEnding) console.error(this.#lastWords());
    });
    child.on('error', (error) => {
      running.delete(child);
      this.#keep(error.message);
    });
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.#keep(line));
    }
  }

  /** The first line that matches, from now on. Rejects when the process ends without it, with what it printed. */
  async line(pattern: RegExp): Promise<RegExpMatchArray> {
    return await new Promise((resolve, reject) => {
      this.#onLine = (line) => {
        const match = line.match(pattern);
        if (match === null) return;
        this.#isUp = true;
        resolve(match);
      };
      this.#process.once('close', () => reject(new Error(this.#lastWords())));
    });
  }

  /** Whether it still runs. */
  get isRunning(): boolean {
    return running.has(this.#process);
  }

  /** SIGTERM, and SIGKILL when that does not end it in time. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true;
    if (!this.isRunning) return;
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    const deadline = new AbortController();
    const late = delay(END_MS, 'late', { signal: deadline.signal }).catch(() => 'gone');
    if ((await Promise.race([gone, late])) === 'late') {
      console.error(`${this.#name} did not end within ${END_MS / 1000} s of SIGTERM and is killed`);
      this.#process.kill('SIGKILL');
      await gone;
    }
    deadline.abort();
  }

  #lastWords(): string {
    return `${this.#name} ended by itself; it printed:\n${this.#printed.join('\n')}`;
  }

  #keep(line: string): void {
    this.#printed.push(line);
    if (this.#printed.length > KEPT_LINES) this.#printed.shift();
    this.#onLine?.(line);
  }
}
