// A program as its own process, as users start it; ended by pid with `await using`.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export class Program implements AsyncDisposable {
  readonly child: ChildProcess;
  /** Everything printed so far, both streams. */
  printed = '';
  readonly #lines: string[] = [];
  #wake: (() => void) | undefined;
  #over = false;

  /** @param env replaces the environment but for PATH and HOME, so that tests do not depend on the machine's. */
  constructor(command: string, args: readonly string[], options: { env?: Record<string, string>; cwd?: string } = {}) {
    const { PATH = '', HOME = '' } = process.env;
    this.child = spawn(command, args, {
      env: { PATH, HOME, ...options.env },
      cwd: options.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => this.#onLine(line));
    }
    this.child.on('close', () => {
      this.#over = true;
      this.#wake?.();
    });
  }

  /** Resolves with the first line, printed or still to come, that matches. Lines before it are passed over. */
  async line(pattern: RegExp): Promise<RegExpMatchArray> {
    for (;;) {
      const line = this.#lines.shift();
      const match = line?.match(pattern);
      if (match) return match;
      if (line !== undefined) continue;
      if (this.#over) throw new Error(`ended without printing ${pattern}; it printed:\n${this.printed}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Resolves with the exit code when the program has ended. */
  async exit(): Promise<number | null> {
    if (!this.#over) await once(this.child, 'close');
    return this.child.exitCode;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exit();
  }

  #onLine(line: string): void {
    this.printed += `${line}\n`;
    this.#lines.push(line);
    this.#wake?.();
  }
}
