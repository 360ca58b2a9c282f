// Before the suite: the real programs the tests drive. What is missing is installed where that is allowed (root and
// apt-get, as in CI); elsewhere the run stops and says what to do. Nothing is skipped.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const NEEDED = [
  { program: 'redis-server', debianPackage: 'redis-server' },
  { program: 'chromium', debianPackage: 'chromium' },
  { program: 'openssl', debianPackage: 'openssl' },
  { program: 'nginx', debianPackage: 'nginx-light' },
  { program: 'caddy', debianPackage: 'caddy' },
  { program: 'initdb', debianPackage: 'postgresql' },
  { program: 'mariadbd', debianPackage: 'mariadb-server' },
] as const;

/** Vitest's global setup. */
export function setup(): void {
  const missing = NEEDED.filter(({ program }) => findProgram(program) === undefined);
  if (missing.length === 0) return;
  const packages = missing.map(({ debianPackage }) => debianPackage);
  const names = missing.map(({ program }) => program).join(' and ');
  const command = `apt-get update && apt-get install --yes --no-install-recommends ${packages.join(' ')}`;
  if (process.getuid?.() !== 0 || findProgram('apt-get') === undefined) {
    throw new Error(`The tests need ${names}. Install with: sudo sh -c '${command}'`);
  }
  console.log(`The tests need ${names}: installing with ${command}`);
  const { status } = spawnSync('sh', ['-c', `${command} >&2`], {
    // Services are the tests' own to start.
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new Error(`Installing ${names} failed (exit ${status}). Run by hand: ${command}`);
}

/** The program's path, or undefined when it is neither on the PATH nor where Debian keeps servers. */
export function findProgram(name: string): string | undefined {
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', ...postgresFolders()]
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

/** Debian keeps each version of PostgreSQL in a folder of its own; the newest first. */
function postgresFolders(): readonly string[] {
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) return [];
  const versions = readdirSync(root).sort((one, other) => Number(other) - Number(one));
  return versions.map((version) => join(root, version, 'bin'));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
