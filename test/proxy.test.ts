// The README's proxy snippets, in front of the real server, by the real proxies.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { api } from './support/api.ts';
import { connect } from './support/client.ts';
import { Program } from './support/program.ts';
import { startServer, type TestServer } from './support/server.ts';

let folder = '';
let readme = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fanfare-proxy-'));
  readme = await readFile('README.md', 'utf8');
});
afterAll(() => rm(folder, { recursive: true }));

/** The README's fenced block of a language, as if it stood in front of this server. */
function snippet(language: string, port: number): string {
  const [, block = ''] = readme.match(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``)) ?? [];
  expect(block).toContain('127.0.0.1:8080');
  return block.replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

interface Proxy extends AsyncDisposable {
  readonly port: number;
}

async function startProxy(command: string, args: readonly string[], port: number, ready: RegExp): Promise<Proxy> {
  const program = new Program(command, args, { env: { XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder } });
  await program.line(ready);
  return { port, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}

async function startNginx(location: string): Promise<Proxy> {
  const port = await freePort();
  const file = join(folder, `nginx-${port}.conf`);
  const http = `access_log off; server { listen 127.0.0.1:${port};\n${location}\n}`;
  await writeFile(
    file,
    `daemon off; master_process off; pid ${file}.pid; error_log stderr notice; events {} http { ${http} }`,
  );
  return await startProxy('nginx', ['-e', 'stderr', '-c', file], port, /start worker|using the "epoll"/);
}

async function startCaddy(site: string): Promise<Proxy> {
  const port = await freePort();
  const file = join(folder, `Caddyfile-${port}`);
  await writeFile(
    file,
    `{\n  admin off\n  auto_https off\n}\n${site.replace('ws.example.com', `http://127.0.0.1:${port}`)}`,
  );
  const args = ['run', '--adapter', 'caddyfile', '--config', file];
  return await startProxy('caddy', args, port, /serving initial configuration/);
}

/** The server, as clients and backends see it through a proxy. */
function through(server: TestServer, { port }: Proxy, prefix = ''): TestServer {
  return { ...server, port, url: `http://127.0.0.1:${port}${prefix}`, config: { ...server.config, path: prefix } };
}

async function expectItWorks(server: TestServer, signedPath?: string): Promise<void> {
  await using client = await connect(server);
  await client.joined('presence-room', { user_id: '7' });
  const path = `/apps/${server.app.id}/events`;
  const body = { name: 'MessageSent', channel: 'presence-room', data: '{"text":"hello"}' };
  const answer = await api(server, 'POST', path, { body, ...(signedPath !== undefined && { signedPath }) });
  expect([answer.status, answer.text]).toEqual([200, '{}']);
  expect(await client.next()).toEqual({ event: 'MessageSent', channel: 'presence-room', data: '{"text":"hello"}' });
}

describe('behind nginx', () => {
  it('serves clients and backends with the README’s snippet', async () => {
    await using server = await startServer();
    await using nginx = await startNginx(snippet('nginx', server.port));
    await expectItWorks(through(server, nginx));
  });

  it.each([
    ['keeps', 'without the prefix', '', '/apps/app-id/events'],
    ['keeps', 'with the prefix', '', '/ws/apps/app-id/events'],
    ['removes', 'without the prefix', '/', '/apps/app-id/events'],
    ['removes', 'with the prefix', '/', '/ws/apps/app-id/events'],
  ])('serves a path prefix that the proxy %s, signed %s', async (_does, _signed, slash, signedPath) => {
    await using server = await startServer({}, { path: '/ws' });
    const location = snippet('nginx', server.port)
      .replace('location /', 'location /ws/')
      .replace(`${server.port};`, `${server.port}${slash};`);
    await using nginx = await startNginx(location);
    await expectItWorks(through(server, nginx, '/ws'), signedPath);
  });
});

it('serves clients and backends behind Caddy with the README’s snippet', async () => {
  await using server = await startServer();
  await using caddy = await startCaddy(snippet('caddyfile', server.port));
  await expectItWorks(through(server, caddy));
});
