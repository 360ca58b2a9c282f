// The reference server of --limit: fetches Bun with npm when it is not there yet, and runs limit-server.js with it.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from './child.ts';
import { serverOf, type Target } from './target.ts';

const VERSION = '1.4.5';
/** Ignored by git, and gone with node_modules. */
const CACHE = join('node_modules', '.cache', `fanfare-bench-bun-${VERSION}`);
const SERVER = join('test', 'bench', 'limit-server.js');
const FETCH_LIMIT_MS = 120_000;
/** What it is a reference for: no presence, no client events, no batches, no workers and no Redis. */
const CASES = /^(fanout|openloop|connect|reconnect|idle-memory|trigger-single|trigger-channels)/;

/** @throws Error when Bun can neither be found nor fetched */
export function limit(): Target {
  const bun = installed() ?? fetchBun();
  return {
    name: 'limit',
    knows: (name) => CASES.test(name),
    start: async () => {
      const child = new Child('the limit on Bun', bun, [SERVER]);
      const [, port] = await child.line(/^listening on (\d+)$/);
      return serverOf(child, Number(port));
    },
  };
}

function fetchBun(): string {
  console.error(`fetching bun@${VERSION} into ${CACHE}`);
  mkdirSync(CACHE, { recursive: true });
  let why = 'npm installed no program that runs here';
  try {
    const install = ['install', '--prefix', CACHE, '--no-save', '--no-audit', '--no-fund', `bun@${VERSION}`];
    execFileSync('npm', install, { stdio: ['ignore', 'ignore', 'pipe'], timeout: FETCH_LIMIT_MS });
    const bun = installed();
    if (bun !== undefined) return bun;
  } catch (error) {
    const { stderr, message } = error as Error & { readonly stderr?: Buffer };
    why = stderr?.toString().trim() || message;
  }
  throw new Error(`--limit needs bun@${VERSION}, which could not be fetched: ${why}`);
}

/** The program itself: with npm's link in between, another process could be measured. */
function installed(): string | undefined {
  const modules = join(CACHE, 'node_modules');
  const packages = existsSync(join(modules, '@oven')) ? readdirSync(join(modules, '@oven')) : [];
  // bun's install script moves the program out of the platform's package; npm may be set not to run it.
  const candidates = ['bun/bin/bun.exe', ...packages.map((name) => `@oven/${name}/bin/bun`)];
  return candidates.map((name) => join(modules, name)).find(answers);
}

function answers(program: string): boolean {
  try {
    return execFileSync(program, ['--version'], { stdio: 'pipe' }).toString().trim() === VERSION;
  } catch {
    return false;
  }
}
