// What a group of cases is: its columns, and for each case what to do with a server and which figures come out.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Options } from './arguments.ts';
import { Child } from './child.ts';
import { freePort } from './free-port.ts';
import type { Server, Settings, Target } from './target.ts';

export interface Column {
  readonly key: string;
  /** Two lines of the table's head: what, and the unit. */
  readonly title: readonly [what: string, unit: string];
}

/** By the columns' keys, and what is only in the JSON. NaN: cannot be measured here. */
export type Figures = Readonly<Record<string, number>>;

export interface Case {
  /** For --only. */
  readonly name: string;
  /** Sockets, channels and requests in flight, in a few characters. */
  readonly what: string;
  /** @throws LeftOut, CaseFailed */
  run(stage: Stage): Promise<Figures>;
}

export interface Group {
  readonly name: string;
  readonly title: string;
  readonly columns: readonly Column[];
  readonly cases: readonly Case[];
}

/** Of a case that cannot be measured here: the row says why, and nothing has failed. */
export class LeftOut extends Error {}

/** What the cases of one group share on one target: servers, started when first asked for, ended with the group. */
export class Stage implements AsyncDisposable {
  readonly target: Target;
  readonly options: Options;
  readonly #servers = new Map<string, Promise<Server>>();
  #redis: { readonly child: Child; readonly port: number } | undefined;

  constructor(target: Target, options: Options) {
    this.target = target;
    this.options = options;
  }

  /** @param name of one server among others with the same settings */
  async server(settings: Settings = {}, name = ''): Promise<Server> {
    const key = JSON.stringify([settings, name]);
    const known = this.#servers.get(key);
    if (known !== undefined) return await known;
    const starting = this.target.start(settings);
    if (starting === undefined) throw new LeftOut('it needs a server that the benchmark starts itself');
    this.#servers.set(key, starting);
    return await starting;
  }

  /** A Redis of its own, without persistence. @throws LeftOut when redis-server is not installed */
  async redis(): Promise<{ readonly child: Child; readonly port: number }> {
    if (this.#redis !== undefined) return this.#redis;
    if (!isInstalled('redis-server')) throw new LeftOut('redis-server is not installed');
    const port = await freePort();
    const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    const child = new Child('redis-server', 'redis-server', args);
    this.#redis = { child, port };
    await child.line(/Ready to accept connections/);
    return this.#redis;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const servers = [...this.#servers.values()];
    // One that did not start has said so to the case that wanted it.
    const ends = servers.map((starting) => starting.then((server) => server[Symbol.asyncDispose]()));
    await Promise.allSettled(ends);
    await this.#redis?.child[Symbol.asyncDispose]();
  }
}

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export const count = (value: number): string => value.toLocaleString('en-US');
