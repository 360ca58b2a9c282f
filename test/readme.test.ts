// The README, the image and the check cannot rot: tables, commands and texts are what the code says and does.
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { developmentApp } from '../src/config/apps.ts';
import { configSchema } from '../src/config/schema.ts';
import { appSchema } from '../src/core/app.ts';
import {
  BODY_OVERHEAD_BYTES,
  FRAME_OVERHEAD_BYTES,
  JSON_ESCAPE_BYTES,
  TIMESTAMP_WINDOW_SECONDS,
  USER_ID_LENGTH,
  WATCHLIST_LENGTH,
} from '../src/protocol/limits.ts';
import { webhookTypes } from '../src/protocol/webhook.ts';
import { load } from './config/loading.ts';
import { adminTable } from './support/admin-table.ts';
import { api } from './support/api.ts';
import { configTable } from './support/config-table.ts';
import { Program } from './support/program.ts';
import { rights } from './support/redis-topologies.ts';
import { startServer } from './support/server.ts';

const publicKey = String(
  generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' }),
);
const readme = readFileSync('README.md', 'utf8');
const scripts = (JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }).scripts;

function between(text: string, from: string, to: string): string {
  const start = text.indexOf(from);
  expect(start, `the README has "${from}"`).toBeGreaterThanOrEqual(0);
  return text.slice(start + from.length, text.indexOf(to, start + from.length));
}

describe('the README', () => {
  it('lists every configuration key with its default and meaning', () => {
    const table = between(readme, '<!-- config table: checked against the schema by a test -->', '<!-- /config table');
    expect(table.trim()).toBe(configTable());
  });

  it('lists every endpoint of the admin API', async () => {
    const table = between(
      readme,
      '<!-- admin table: checked against the OpenAPI document by a test -->',
      '<!-- /admin',
    );
    expect(table.trim()).toBe(await adminTable());
  });

  it('shows configurations of auth that are valid', () => {
    const chapter = between(readme, '## Joins without a backend', '## Webhooks');
    const blocks = [...chapter.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block = '']) => block);
    expect(blocks).toHaveLength(4);
    const indented = (block: string) => block.replace(/^(?=.)/gm, '    ');
    const asFile = (block: string) =>
      block.startsWith('apps:') ? block : `apps:\n  - id: a\n    key: k\n    secret: s\n${indented(block)}`;
    for (const block of blocks) {
      const text = asFile(block)
        .replace('8f0d…', 'a-secret')
        .replace('4c1e…', 'a secret of the application, 32 bytes')
        .replace('Zm9v…', Buffer.alloc(32).toString('base64'));
      const files = { 'fanfare.yaml': text, '/etc/fanfare/oauth-public.key': publicKey };
      expect(load({ files })).toMatchObject({ ok: true });
    }
  });

  it('shows webhooks that are valid', () => {
    const chapter = between(readme, '## Webhooks', '## What is served');
    const [, block = ''] = chapter.match(/```yaml\n([\s\S]*?)```/) ?? [];
    const text = block.replace('8f0d…', 'a-secret').replace('5e1a…', 'token');
    expect(load({ files: { 'fanfare.yaml': text } })).toMatchObject({ ok: true });
    const [, variable = ''] = chapter.match(/FANFARE_APP_WEBHOOKS='(.*?)'/) ?? [];
    expect(load({ env: { FANFARE_APP_WEBHOOKS: variable }, flags: { dev: true } })).toMatchObject({ ok: true });
    for (const type of webhookTypes) expect(chapter).toContain(`\`${type}\``);
  });

  it('shows places of Redis that are valid, and the rights that suffice there', () => {
    const chapter = between(readme, '## More than one machine', '## Stopping');
    const [whole = '', places = ''] = [...chapter.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block]) => block);
    for (const block of [whole, ...places.trim().split('\n')]) {
      const files = { 'fanfare.yaml': `adapter: redis\n${block.replace(/^adapter.*$/m, '')}`, 'ca.pem': publicKey };
      expect(load({ files, flags: { dev: true } })).toMatchObject({ ok: true });
    }
    expect(chapter).toContain(`ACL SETUSER fanfare on >password ${rights}\n`);
  });

  it('shows places of apps that are valid, and an app whose secret is being changed', () => {
    const chapter = between(readme, '## Apps', '## Limits');
    const [places = '', pairs = ''] = [...chapter.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block]) => block);
    expect(places.trim().split('\n')).toHaveLength(4);
    for (const block of places.trim().split('\n')) {
      expect(load({ files: { 'fanfare.yaml': block } })).toMatchObject({ ok: true });
    }
    const text = `apps:\n  - id: a\n${pairs.replace(/^(?=.)/gm, '    ')}`;
    expect(load({ files: { 'fanfare.yaml': text } })).toMatchObject({ ok: true });
  });

  it('states the limits in force', () => {
    const { limits } = appSchema.parse({ id: 'a', key: 'k', secret: 's' });
    const { maxUnsentBytes } = configSchema.parse({});
    const table = between(readme, '## Limits', '## Behind');
    const stated = [
      `${limits.payloadBytes.toLocaleString('en')} bytes`,
      `${limits.channelsPerEvent}, ${limits.batchEvents} |`,
      `${limits.clientEventsPerSecond} a second`,
      `${limits.presenceMembers} users, ${limits.memberInfoBytes / 1024} KB`,
      `${limits.channelNameLength} characters`,
      `${FRAME_OVERHEAD_BYTES / 1024} KB`,
      `× ${JSON_ESCAPE_BYTES} (JSON escapes) + ${BODY_OVERHEAD_BYTES / 1024} KB`,
      `${maxUnsentBytes / 1024 / 1024} MiB`,
      `${USER_ID_LENGTH} characters, ${WATCHLIST_LENGTH} users`,
      `${TIMESTAMP_WINDOW_SECONDS} seconds`,
    ];
    for (const text of stated) expect(table).toContain(text);
    expect(limits.eventNameLength).toBe(limits.channelNameLength);
  });

  it('has a row for each command of the program', async () => {
    await using help = new Program('node', ['dist/main.js', '--help']);
    expect(await help.exit()).toBe(0);
    const commands = between(help.printed, 'Commands:', '\n\n').trim().split('\n');
    const names = commands.map((line) => line.trim().split(' ')[0]);
    const rows = [...readme.matchAll(/^\| `fanfare (\w+)/gm)].map(([, name]) => name);
    expect([...new Set(rows)]).toEqual(names);
  });

  it('quotes what a development server prints', async () => {
    await using server = new Program('node', ['dist/main.js', 'start', '--dev', '--port', '0']);
    const [line] = await server.line(/Fanfare is ready\..*/);
    expect(readme).toContain(line.replace(/:\d+\/app/, ':8080/app'));
    const [listen] = await server.line(/npx fanfare listen my-channel/);
    const [trigger] = await server.line(/npx fanfare trigger my-channel my-event '{"text":"hello"}'/);
    const [chat] = await server.line(/node examples\/quickstart\/server\.js/);
    for (const command of [listen, trigger, chat]) expect(readme).toContain(command);
  });

  it('names only routes that exist', async () => {
    await using server = await startServer({ auth: developmentApp.auth });
    const table = between(readme, '| HTTP API | |', '\n\n');
    const routes = [...table.matchAll(/(GET|POST) (\/[^`]*)/g)].map(([, method = '', path = '']) => ({ method, path }));
    expect(routes.length).toBeGreaterThan(5);
    for (const { method, path } of routes) {
      const concrete = path.replace('{id}', 'app-id').replace(/\{\w+\}/g, 'presence-x');
      const body = method === 'POST' ? {} : undefined;
      expect((await api(server, method, concrete, { body })).status, `${method} ${path}`).not.toBe(404);
    }
  });

  it('names the test command that the check runs', () => {
    const command = 'npm ci && npm test';
    expect(readme).toContain(`\`\`\`sh\n${command}\n\`\`\``);
    expect(readFileSync('.ci/run', 'utf8').trim().split('\n').at(-1)).toBe(command);
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(['test', 'start', 'lint', 'typecheck']));
  });
});

describe('the package', () => {
  it('is built before it is packed, and can be installed by npm ci on every platform', () => {
    expect(scripts.prepack).toBe('npm run --silent build');
    const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>;
    };
    const optional = Object.values(lock.packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));
    expect(optional.length).toBeGreaterThan(0);
    for (const name of optional) {
      const places = Object.keys(lock.packages).filter((place) => place.endsWith(`node_modules/${name}`));
      expect(places, `${name} is in the lock file`).not.toEqual([]);
    }
  });
});

describe('the image', () => {
  const dockerfile = readFileSync('Dockerfile', 'utf8');
  const exec = (instruction: string): string[] => {
    const [, list = ''] = dockerfile.match(new RegExp(`^${instruction}.*?(\\[.*\\])$`, 'm')) ?? [];
    return JSON.parse(list) as string[];
  };
  const env = { FANFARE_APP_ID: 'a', FANFARE_APP_KEY: 'k', FANFARE_APP_SECRET: 'c4d5e6', FANFARE_LOG_FORMAT: 'json' };

  it('starts the server with its command and is found healthy by its health check', async () => {
    const [node = '', ...entry] = exec('ENTRYPOINT');
    await using server = new Program(node, [...entry, ...exec('CMD')], { env: { ...env, FANFARE_PORT: '0' } });
    const [, port = ''] = await server.line(/"url":"http:\/\/0\.0\.0\.0:(\d+)"/);
    const [, ...check] = exec('HEALTHCHECK');
    await using health = new Program(node, check, { env: { ...env, FANFARE_PORT: port } });
    expect(await health.exit()).toBe(0);
    server.signal('SIGTERM');
    expect(await server.exit()).toBe(0);
    await using sick = new Program(node, check, { env: { ...env, FANFARE_PORT: port } });
    expect(await sick.exit()).toBe(1);
  });

  it('runs without rights, and copies and runs only what exists', () => {
    expect(dockerfile).toMatch(/^USER node$/m);
    for (const [, script = ''] of dockerfile.matchAll(/npm run ([\w-]+)/g)) expect(scripts).toHaveProperty(script);
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, files = '']) =>
      files.split(' '),
    );
    expect(copied).toContain('package-lock.json');
    for (const file of copied) expect(() => readFileSync(file)).not.toThrow(/ENOENT/);
  });
});
