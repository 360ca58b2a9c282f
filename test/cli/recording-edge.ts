// A process for commands under test: remembers what was printed, and plays signals.
import type { Command, Edge } from '../../src/cli/command.ts';

export interface Run {
  /** The exit code; rejects with a UsageError as the command throws it. */
  readonly code: Promise<number>;
  readonly out: readonly string[];
  readonly err: readonly string[];
  readonly exits: readonly number[];
  readonly signal: (signal: 'SIGINT' | 'SIGTERM') => void;
  readonly uncaught: (error: unknown) => void;
  readonly rejected: (error: unknown) => void;
  /** Resolves with the first line, printed anywhere, that the pattern matches. */
  readonly line: (pattern: RegExp) => Promise<string>;
}

export interface Given {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

export function run(command: Command, args: readonly string[], { env = {}, input = '' }: Given = {}): Run {
  const out: string[] = [];
  const err: string[] = [];
  const exits: number[] = [];
  const waiting: { pattern: RegExp; resolve: (line: string) => void }[] = [];
  const keep = (lines: string[]) => (line: string) => {
    lines.push(line);
    for (const { pattern, resolve } of waiting) if (pattern.test(line)) resolve(line);
  };
  let onSignal = (_: 'SIGINT' | 'SIGTERM') => {};
  let onUncaught = (_: unknown) => {};
  let onRejection = (_: unknown) => {};
  const edge: Edge = {
    env,
    version: '0.0.0',
    out: keep(out),
    err: keep(err),
    readInput: async () => input,
    lifecycle: {
      onSignal: (listener) => {
        onSignal = listener;
      },
      onUncaughtException: (listener) => {
        onUncaught = listener;
      },
      onUnhandledRejection: (listener) => {
        onRejection = listener;
      },
      exit: (code) => void exits.push(code),
    },
  };
  const code = command.run(args, edge);
  return {
    code,
    out,
    err,
    exits,
    signal: (signal) => onSignal(signal),
    uncaught: (error) => onUncaught(error),
    rejected: (error) => onRejection(error),
    line: (pattern) => {
      const printed = [...out, ...err].find((line) => pattern.test(line));
      if (printed !== undefined) return Promise.resolve(printed);
      return new Promise((resolve) => void waiting.push({ pattern, resolve }));
    },
  };
}
