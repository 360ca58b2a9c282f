// The options of every command that reads the server's configuration, and how its mistakes are shown.
import { developmentTokenSecret } from '../config/apps.ts';
import type { Flags } from '../config/layers.ts';
import { type Edge, exitCodes } from './command.ts';

export const configOptions = {
  config: { type: 'string' },
  'env-file': { type: 'string' },
  host: { type: 'string' },
  port: { type: 'string' },
  path: { type: 'string' },
  workers: { type: 'string' },
  'log-level': { type: 'string' },
  dev: { type: 'boolean' },
} as const;

export const configHelp = `Options:
  --config FILE      YAML or JSON configuration file (also FANFARE_CONFIG)
  --env-file FILE    read variables from a .env file; real ones win
  --host ADDRESS     address to listen on (0.0.0.0, or 127.0.0.1 with --dev)
  --port PORT        port to listen on (8080); 0 takes any free one
  --path PREFIX      prefix of every path, such as /ws
  --workers N        processes that share the port (1); auto: one for each core
  --log-level LEVEL  trace, debug, info, warn, error or silent
  --dev              development: readable log, and an app with id app-id,
                     key app-key and secret app-secret, whose users' tokens
                     are signed with ${developmentTokenSecret}`;

type Values = { readonly [K in keyof typeof configOptions]?: (K extends 'dev' ? boolean : string) | undefined };

export function flagsOf(values: Values): Flags {
  const { 'env-file': envFile, 'log-level': logLevel, ...rest } = values;
  return { ...rest, envFile, logLevel };
}

/** Prints all mistakes, one a line. @returns the exit code. */
export function reportMistakes(edge: Edge, mistakes: readonly string[], consequence: string): number {
  const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`;
  edge.err(`fanfare: the configuration has ${count}${consequence}:`);
  for (const mistake of mistakes) edge.err(`  ${mistake}`);
  return exitCodes.config;
}
