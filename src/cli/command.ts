// What a command is, what it may use of the process, and how it reads its options.
import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { ProcessEnvironment } from '../config/environment.ts';

/** The process as the commands see it; main.ts has the real one. */
export interface Edge {
  readonly env: ProcessEnvironment;
  readonly version: string;
  /** Writes a line to the standard output. */
  readonly out: (line: string) => void;
  /** Writes a line to the standard error. */
  readonly err: (line: string) => void;
  /** All of the standard input. */
  readonly readInput: () => Promise<string>;
  readonly lifecycle: Lifecycle;
}

/** What a command that stays needs to hear. Each is called at most once by a command. */
export interface Lifecycle {
  readonly onSignal: (listener: (signal: 'SIGINT' | 'SIGTERM') => void) => void;
  readonly onUncaughtException: (listener: (error: unknown) => void) => void;
  readonly onUnhandledRejection: (listener: (error: unknown) => void) => void;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}

export interface Command {
  /** Everything `--help` prints. */
  readonly help: string;
  /**
   * Resolves with the exit code.
   * @throws UsageError when the arguments make no sense.
   */
  readonly run: (args: readonly string[], edge: Edge) => Promise<number>;
}

/** BSD's sysexits where it has one. */
export const exitCodes = { ok: 0, failed: 1, usage: 64, software: 70, config: 78 } as const;

/** The command line makes no sense; shown with a hint at `--help`, exit code 64. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

type Options = NonNullable<ParseArgsConfig['options']>;

type ParsedOptions<T extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: T; allowPositionals: true; strict: true }>
>;

/**
 * Options anywhere among the positional arguments; `--` ends them.
 * @throws UsageError for an unknown option or a missing value.
 */
export function parseOptions<T extends Options>(args: readonly string[], options: T): ParsedOptions<T> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(plainReason(error.message));
  }
}

/** Node's messages, shorter. */
function plainReason(message: string): string {
  const [, option] = /^Option '([^']+)' argument is ambiguous/.exec(message) ?? [];
  if (option !== undefined) {
    return `${option} needs a value, and what follows it begins with "-": such a value is written ${option}=-…`;
  }
  const [first = message] = message.split(/\n|\. To specify/);
  return first.replace(/\.$/, '').replace(/^([A-Z])/, (letter) => letter.toLowerCase());
}

/** @throws UsageError unless there are none. */
export function refusePositionals(positionals: readonly string[]): void {
  if (positionals.length > 0) throw new UsageError(`unexpected argument "${positionals[0]}"`);
}
