// The command line of the benchmark: options, or what is wrong with them.
import { parseArgs } from 'node:util';

export interface Credentials {
  readonly id: string;
  readonly key: string;
  readonly secret: string;
}

/** A server that runs already. */
export interface Against {
  readonly host: string;
  readonly port: number;
  /** Undefined: its CPU time and memory are not measured. */
  readonly pid: number | undefined;
}

export interface Options {
  readonly secs: number;
  /** Sockets of the fan-out; other shapes take a multiple of it. */
  readonly conns: number;
  /** Names of groups and of single cases; empty: all. */
  readonly only: readonly string[];
  readonly json: string;
  readonly limit: boolean;
  /** dist/main.js of another build, measured in the same run. */
  readonly versus: string | undefined;
  readonly against: Against | undefined;
  readonly app: Credentials;
  readonly main: string;
  readonly cpuProf: string | undefined;
}

/** Of what was asked for: the exit code says so. */
export class UsageError extends Error {}

export type Arguments =
  | { readonly kind: 'run'; readonly options: Options }
  | { readonly kind: 'help' }
  | { readonly kind: 'mistake'; readonly mistake: string };

export const HELP = `Usage: npm run bench -- [options]

Starts the built server as its own process, puts load on it from this one, prints tables and writes JSON.

  --only NAME[,NAME]    groups (fanout, openloop, trigger, client-events, connect, presence, slow-readers, isolation,
                        workers, cluster) or single cases by the name in their row's first column, such as fanout-16
  --secs N              seconds measured in each case, after a warm-up of a third of it (default 3)
  --conns N             sockets of the fan-out; other shapes take a multiple of it (default 1000)
  --json FILE           where the figures go (default bench-results.json)
  --limit               also measure the practical limit: a raw publish loop on Bun (fetched with npm on demand)
  --versus FILE         also measure another build: the dist/main.js of it
  --main FILE           the build to measure (default dist/main.js)
  --cpu-prof DIR        write CPU profiles of the server into DIR
  --against URL[,PID]   measure a server that runs already; PID (and its children) for CPU time and memory
  --app ID:KEY:SECRET   its app (default app-id:app-key:app-secret)
  --help                this text

test/bench/README.md says what each figure means.`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const known = {
  only: text,
  secs: text,
  conns: text,
  json: text,
  versus: text,
  main: text,
  'cpu-prof': text,
  against: text,
  app: text,
  limit: flag,
  help: flag,
} as const;
const LEAST_CONNS = 10;
const MOST_CONNS = 100_000;
const LEAST_SECS = 0.05;
const MOST_SECS = 600;

/** @param names of all groups and cases, for --only */
export function parseArguments(args: readonly string[], names: readonly string[]): Arguments {
  try {
    const { values } = parseArgs({ args: [...args], options: known, strict: true, allowPositionals: false });
    return values.help === true ? { kind: 'help' } : { kind: 'run', options: optionsOf(values, names) };
  } catch (error) {
    return { kind: 'mistake', mistake: error instanceof Error ? error.message : String(error) };
  }
}

type Values = {
  readonly [Name in keyof typeof known]?: (typeof known)[Name]['type'] extends 'string' ? string : boolean;
};

function optionsOf(values: Values, names: readonly string[]): Options {
  const { against, app, limit = false, versus, 'cpu-prof': cpuProf } = values;
  for (const name of ['main', 'cpu-prof'] as const) {
    if (against !== undefined && values[name] !== undefined) {
      throw new Error(`--${name} is about a server that the benchmark starts, --against about one that runs already`);
    }
  }
  if (against === undefined && app !== undefined) throw new Error('--app is the app of --against');
  const only = values.only?.split(',') ?? [];
  for (const name of only) {
    if (!names.includes(name)) throw new Error(`--only ${name}: there is ${names.join(', ')}`);
  }
  return {
    secs: numberOf('--secs', values.secs ?? '3', LEAST_SECS, MOST_SECS),
    conns: wholeNumberOf('--conns', values.conns ?? '1000', LEAST_CONNS, MOST_CONNS),
    only,
    json: values.json ?? 'bench-results.json',
    limit,
    versus,
    against: against === undefined ? undefined : againstOf(against),
    app: appOf(app ?? 'app-id:app-key:app-secret'),
    main: values.main ?? 'dist/main.js',
    cpuProf,
  };
}

function numberOf(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= least && value <= most)) {
    throw new Error(`${name} must be a number from ${least} to ${most}, got "${text}"`);
  }
  return value;
}

function wholeNumberOf(name: string, text: string, least: number, most: number): number {
  const value = numberOf(name, text, least, most);
  if (!Number.isInteger(value)) throw new Error(`${name} must be a whole number, got "${text}"`);
  return value;
}

function againstOf(text: string): Against {
  const [address = '', pid, ...rest] = text.split(',');
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url?.protocol !== 'http:' || url.hostname === '' || rest.length > 0) {
    throw new Error(`--against must be like http://127.0.0.1:6001 or http://127.0.0.1:6001,4711, got "${text}"`);
  }
  if (url.pathname !== '/' || url.search !== '') throw new Error('--against: a path in front of /app is not supported');
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? 80 : Number(url.port),
    pid: pid === undefined ? undefined : wholeNumberOf('the process id of --against', pid, 1, 2 ** 31),
  };
}

function appOf(text: string): Credentials {
  const [id, key, secret, ...rest] = text.split(':');
  if (!id || !key || !secret || rest.length > 0) throw new Error('--app must be like id:key:secret');
  return { id, key, secret };
}
