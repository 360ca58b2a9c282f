// What the load is put on: a server that is started for a group of cases, or one that runs already.
import { existsSync } from 'node:fs';
import { type Against, type Credentials, UsageError } from './arguments.ts';
import { Child } from './child.ts';
import { type Usage, usageOf } from './usage.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** For the Host header. */
export function authority({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export interface Settings {
  readonly workers?: number;
  /** The port of the Redis to meet in. */
  readonly redis?: number;
  /** As `maxUnsentBytes` of the configuration. */
  readonly unsentBytes?: number;
  /** Has two more apps, see asNeighbour. */
  readonly neighbours?: true;
}

export interface Server extends Address, AsyncDisposable {
  readonly app: Credentials;
  /** Of the process and its descendants; undefined where it cannot be measured. */
  usage(): Usage | undefined;
}

export interface Target {
  /** As the tables call it. */
  readonly name: string;
  /** Undefined: this server cannot be started so. */
  start(settings: Settings): Promise<Server> | undefined;
  /** Of the cases; a reference server knows only what it is a reference for. */
  knows(name: string): boolean;
}

const app = { id: 'bench', key: 'bench-key', secret: 'bench-secret' };
/** Other apps on the same server: one may do what it wants, the other's events are limited. */
const neighbours = {
  free: { id: 'free', key: 'free-key', secret: 'free-secret' },
  limited: { id: 'limited', key: 'limited-key', secret: 'limited-secret' },
};
export const LIMITED_EVENTS_PER_SECOND = 100;
export type Neighbour = keyof typeof neighbours;

/** The first app's limits where hosted Pusher's would be in the way of the load. */
const limits = { presenceMembers: 100_000, clientEventsPerSecond: 0 };

/** The server as one of the other apps sees it; it has them when it was started with `neighbours`. */
export function asNeighbour(server: Server, name: Neighbour): Server {
  return { ...server, app: neighbours[name] };
}

function appsOf(settings: Settings): string {
  const first = { ...app, clientEvents: true, limits };
  const { free, limited } = neighbours;
  const others = [free, { ...limited, limits: { eventsPerSecond: LIMITED_EVENTS_PER_SECOND } }];
  return JSON.stringify(settings.neighbours ? [first, ...others] : [first]);
}

/**
 * Started as in production. The log level is the default: nothing is logged for a socket or an event, and the line with
 * the port is what says that the server, with all its workers, is up.
 */
async function startFanfare(main: string, settings: Settings, cpuProf: string | undefined): Promise<Server> {
  const { workers = 1, redis, unsentBytes } = settings;
  const profile = cpuProf === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', cpuProf];
  const child = new Child('the server', process.execPath, [...profile, main, 'start'], {
    FANFARE_HOST: '127.0.0.1',
    FANFARE_PORT: '0',
    FANFARE_WORKERS: String(workers),
    FANFARE_APPS: appsOf(settings),
    ...(unsentBytes !== undefined && { FANFARE_MAX_UNSENT_BYTES: String(unsentBytes) }),
    FANFARE_SHUTDOWN_CLOSES_PER_SECOND: '100000',
    ...(redis !== undefined && { FANFARE_ADAPTER: 'redis', FANFARE_REDIS_PORT: String(redis) }),
  });
  const up = workers > 1 ? 'all workers are up' : 'listening';
  const [, port] = await child.line(new RegExp(`"url":"http://127\\.0\\.0\\.1:(\\d+)".*"msg":"${up}"`));
  return serverOf(child, Number(port));
}

export function serverOf(child: Child, port: number): Server {
  return {
    host: '127.0.0.1',
    port,
    app,
    usage: () => usageOf([child.pid]),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/** @throws UsageError when there is no such build */
export function fanfare(name: string, main: string, cpuProf: string | undefined): Target {
  if (!existsSync(main)) throw new UsageError(`there is no ${main}: run \`npm run build\` there first`);
  return { name, knows: () => true, start: (settings) => startFanfare(main, settings, cpuProf) };
}

/** @throws UsageError when the process to measure is not there */
export function against({ host, port, pid }: Against, app: Credentials): Target {
  if (pid !== undefined && !existsSync(`/proc/${pid}/stat`))
    throw new UsageError(`--against: there is no process ${pid}`);
  const server: Server = {
    host,
    port,
    app,
    usage: () => (pid === undefined ? undefined : usageOf([pid])),
    [Symbol.asyncDispose]: async () => {},
  };
  return {
    name: authority(server),
    knows: () => true,
    start: (settings) => (Object.keys(settings).length === 0 ? Promise.resolve(server) : undefined),
  };
}
