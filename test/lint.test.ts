// The house's import rules are enforced by the linter: each broken on purpose, in a copy of the layout.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

const REFUSED: readonly (readonly [file: string, rule: string, code: string])[] = [
  ['src/protocol/a.ts', 'noRestrictedImports', "import { App } from '../core/app.ts';"],
  ['src/protocol/b.ts', 'noRestrictedImports', "import { WebSocket } from 'ws';"],
  ['src/core/a.ts', 'noRestrictedImports', "import { WebSocket } from 'ws';"],
  ['src/core/b.ts', 'noRestrictedImports', "import { fastify } from 'fastify';"],
  ['src/core/c.ts', 'noRestrictedImports', "import { Redis } from 'ioredis';"],
  ['src/core/d.ts', 'noRestrictedImports', "import type { MemoryBroker } from '../adapters/memory/broker.ts';"],
  ['src/adapters/redis/a.ts', 'noRestrictedImports', "import { x } from '../../http/server.ts';"],
  ['src/adapters/redis/b.ts', 'noRestrictedImports', "import { x } from '../../ws/socket.ts';"],
  ['src/ws/a.ts', 'noRestrictedImports', "import { x } from '../http/server.ts';"],
  ['src/ws/b.ts', 'noRestrictedImports', "import { x } from '../adapters/memory/broker.ts';"],
  ['src/ws/c.ts', 'noRestrictedImports', "import { createServer } from '../server.ts';"],
  ['src/http/a.ts', 'noRestrictedImports', "import { Socket } from '../ws/socket.ts';"],
  ['src/http/routes/b.ts', 'noRestrictedImports', "import { Socket } from '../../ws/socket.ts';"],
  ['src/http/routes/c.ts', 'noRestrictedImports', "import { createServer } from '../../server.ts';"],
  ['src/config/a.ts', 'noRestrictedImports', "import { Hub } from '../core/hub.ts';"],
  ['src/cli/a.ts', 'noRestrictedImports', "import { Hub } from '../core/hub.ts';"],
  ['src/cli/b.ts', 'noRestrictedImports', "import { AppAuthorizer } from '../auth/authorizer.ts';"],
  ...['ws', 'fastify', 'ioredis', 'yaml', '@fastify/formbody'].map(
    (name, index) => [`src/auth/package-${index}.ts`, 'noRestrictedImports', `import { x } from '${name}';`] as const,
  ),
  ...['adapters/a', 'cli/a', 'config/a', 'ws/a', 'http/a', 'webhooks/a', 'metrics/a', 'dashboard/a'].map(
    (name, index) =>
      [`src/auth/room-${index}.ts`, 'noRestrictedImports', `import { x } from '../${name}.ts';`] as const,
  ),
  ...['server', 'main', 'index', 'log'].map(
    (name) => [`src/auth/${name}-importer.ts`, 'noRestrictedImports', `import { x } from '../${name}.ts';`] as const,
  ),
  ...['protocol', 'core', 'adapters', 'ws', 'http', 'config', 'cli'].flatMap((room) =>
    ['jose', 'lru-cache'].map(
      (name) => [`src/${room}/${name}.ts`, 'noRestrictedImports', `import { x } from '${name}';`] as const,
    ),
  ),
  ...[
    'protocol',
    'core',
    'adapters',
    'adapters/apps',
    'adapters/ipc',
    'ws',
    'http',
    'auth',
    'config',
    'cli',
    'workers',
  ].flatMap((room) =>
    ['kysely', 'pg', 'mysql2'].map(
      (name) => [`src/${room}/${name}.ts`, 'noRestrictedImports', `import { x } from '${name}';`] as const,
    ),
  ),
  ['src/adapters/apps/sql/a.ts', 'noRestrictedImports', "import { Redis } from 'ioredis';"],
  ['src/adapters/apps/sql/b.ts', 'noRestrictedImports', "import { x } from '../../redis/client.ts';"],
  ['src/adapters/apps/sql/c.ts', 'noRestrictedImports', "import { x } from '../../../http/server.ts';"],
  ...['ws', 'fastify', 'ioredis', 'jose', 'lru-cache'].map(
    (name) => [`src/webhooks/${name}.ts`, 'noRestrictedImports', `import { x } from '${name}';`] as const,
  ),
  ...['adapters/a', 'cli/a', 'config/a', 'ws/a', 'http/a', 'auth/a', 'metrics/a', 'dashboard/a'].map(
    (name, index) =>
      [`src/webhooks/room-${index}.ts`, 'noRestrictedImports', `import { x } from '../${name}.ts';`] as const,
  ),
  ['src/webhooks/server-importer.ts', 'noRestrictedImports', "import { x } from '../server.ts';"],
  ...['protocol', 'core', 'adapters', 'ws', 'http', 'auth', 'config', 'cli', 'workers'].map(
    (room) => [`src/${room}/undici.ts`, 'noRestrictedImports', "import { x } from 'undici';"] as const,
  ),
  ['src/workers/a.ts', 'noRestrictedImports', "import { x } from '../core/core.ts';"],
  ['src/workers/b.ts', 'noRestrictedImports', "import { x } from '../adapters/memory/broker.ts';"],
  ['src/workers/c.ts', 'noRestrictedImports', "import { x } from '../cli/start.ts';"],
  ['src/workers/d.ts', 'noRestrictedImports', "import { Redis } from 'ioredis';"],
  ['src/workers/e.ts', 'noRestrictedImports', "import { x } from '../main.ts';"],
  ['src/adapters/ipc/a.ts', 'noRestrictedImports', "import { x } from '../redis/broker.ts';"],
  ['src/adapters/ipc/b.ts', 'noRestrictedImports', "import { Redis } from 'ioredis';"],
  ['src/adapters/ipc/c.ts', 'noRestrictedImports', "import { x } from '../../workers/seat.ts';"],
  ['src/http/routes/d.ts', 'noRestrictedImports', "import { x } from '../../workers/seat.ts';"],
  ['src/core/e.ts', 'noRestrictedImports', "import { x } from '../workers/seat.ts';"],
  ['src/core/env.ts', 'noProcessEnv', 'export const x = process.env.X;'],
  ['src/core/console.ts', 'noConsole', "console.log('x');"],
  ['src/core/default.ts', 'noDefaultExport', 'export default 1;'],
  ['src/core/any.ts', 'noExplicitAny', 'export const x: any = 1;'],
  ['src/core/floating.ts', 'noFloatingPromises', 'const f = async (): Promise<void> => {};\nf();'],
  ['src/core/barrel.ts', 'noBarrelFile', "export { App } from './app.ts';"],
  ['src/core/CamelCase.ts', 'useFilenamingConvention', 'export const x = 1;'],
  ['src/core/cycle-a.ts', 'noImportCycles', "import type { B } from './cycle-b.ts';\nexport type A = B | 1;"],
  ['src/core/cycle-b.ts', 'noImportCycles', "import type { A } from './cycle-a.ts';\nexport type B = A | 2;"],
];

const ALLOWED: readonly (readonly [file: string, code: string])[] = [
  ['src/core/ok.ts', "import { x } from '../protocol/frame.ts';\nexport const y = x;"],
  ['src/adapters/redis/ok.ts', "import { Redis } from 'ioredis';\nexport const y = Redis;"],
  ...['kysely', 'pg', 'mysql2'].map(
    (name) => [`src/adapters/apps/sql/${name}.ts`, `import { x } from '${name}';\nexport const y = x;`] as const,
  ),
  ['src/adapters/apps/sql/ok.ts', "import type { AppSource } from '../source.ts';\nexport type Y = AppSource;"],
  ['src/http/routes/ok.ts', "import { x } from '../../core/core.ts';\nexport const y = x;"],
  ['src/config/ok.ts', "import { appSchema } from '../core/app.ts';\nexport const y = appSchema;"],
  ['src/config/ok-too.ts', "import { readPublicKey } from '../core/token-key.ts';\nexport const y = readPublicKey;"],
  ['src/config/load.ts', 'export const y = process.env.X;'],
  ['src/cli/ok.ts', "import { decide } from '../auth/rules.ts';\nexport const y = decide;"],
  ['src/cli/ok-too.ts', "import { userOf } from '../auth/claims.ts';\nexport const y = userOf;"],
  ['src/workers/ok.ts', "import { endOf } from '../cli/ending.ts';\nexport const y = endOf;"],
  ['src/workers/ok-too.ts', "import { x } from '../adapters/ipc/channel.ts';\nexport const y = x;"],
  ['src/workers/ok-server.ts', "import { x } from '../server.ts';\nexport const y = x;"],
  ['src/cli/ok-workers.ts', "import { x } from '../workers/workers.ts';\nexport const y = x;"],
  ['src/adapters/ipc/ok.ts', "import { x } from '../memory/broker.ts';\nexport const y = x;"],
  ['src/webhooks/ok-core.ts', "import type { App } from '../core/app.ts';\nexport type Y = App;"],
  ['src/webhooks/ok-protocol.ts', "import { readJson } from '../protocol/json.ts';\nexport const y = readJson;"],
  ['src/webhooks/ok-undici.ts', "import { request } from 'undici';\nexport const y = request;"],
  ['src/auth/ok-core.ts', "import type { App } from '../core/app.ts';\nexport type Y = App;"],
  ['src/auth/ok-protocol.ts', "import { readJson } from '../protocol/json.ts';\nexport const y = readJson;"],
  ['src/auth/ok-jose.ts', "import { jwtVerify } from 'jose';\nexport const y = jwtVerify;"],
  ['src/auth/ok-cache.ts', "import { LRUCache } from 'lru-cache';\nexport const y = LRUCache;"],
  ['src/auth/ok-pino.ts', "import type { Logger } from 'pino';\nexport type Y = Logger;"],
];

const root = mkdtempSync(join(tmpdir(), 'fanfare-lint-'));
let found: { file: string; rule: string }[] = [];

beforeAll(() => {
  const config = JSON.parse(readFileSync('biome.json', 'utf8')) as Record<string, unknown>;
  writeFileSync(join(root, 'biome.json'), JSON.stringify({ ...config, $schema: undefined, vcs: undefined }));
  cpSync('src/core/app.ts', join(root, 'src/core/app.ts'), { recursive: true });
  for (const [file, , code] of [...REFUSED, ...ALLOWED.map(([file, code]) => [file, '', code] as const)]) {
    mkdirSync(join(root, dirname(file)), { recursive: true });
    writeFileSync(join(root, file), `${code}\n`);
  }
  found = lint();
});
afterAll(() => rmSync(root, { recursive: true }));

function lint(): { file: string; rule: string }[] {
  const args = ['lint', '--reporter=github', '--max-diagnostics=none', 'src'];
  let printed = '';
  try {
    printed = execFileSync(resolve('node_modules/.bin/biome'), args, { cwd: root, encoding: 'utf8', stdio: 'pipe' });
  } catch (err) {
    printed = (err as { stdout: string }).stdout;
  }
  return [...printed.matchAll(/^::error title=lint\/\w+\/(\w+),file=([^,]+),/gm)].map(([, rule = '', file = '']) => ({
    rule,
    file: file.slice(file.indexOf('src/')),
  }));
}

it.each(REFUSED)('%s is refused by %s', (file, rule) => {
  expect(found).toContainEqual({ file, rule });
});

it.each(ALLOWED)('%s may do what its room may', (file) => {
  expect(found.filter((diagnostic) => diagnostic.file === file)).toEqual([]);
});
