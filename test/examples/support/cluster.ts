// The cluster example without containers: the nodes, Redis and nginx of this machine, with what the example's files say.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { App } from '../../../src/core/app.ts';
import { type ApiAnswer, api } from '../../support/api.ts';
import { Program } from '../../support/program.ts';
import { freePort, startRedis, type TestRedis } from '../../support/redis.ts';
import type { TestServer } from '../../support/server.ts';
import { configOf, dotEnv, environmentOf, nginxConf, nodeNames } from './compose.ts';

export interface Node {
  readonly program: Program;
  readonly server: TestServer;
}

export interface Cluster extends AsyncDisposable {
  readonly redis: TestRedis;
  /** In the order of compose.yaml. */
  readonly nodes: readonly Node[];
  /** What clients and backends meet: nginx. */
  readonly front: TestServer;
}

export async function startCluster(): Promise<Cluster> {
  const started: AsyncDisposable[] = [];
  const dispose = async () => {
    for (const one of started.reverse()) await one[Symbol.asyncDispose]();
  };
  try {
    const redis = await startRedis('--requirepass', dotEnv.REDIS_PASSWORD);
    started.push(redis);
    const programs = nodeNames.map((name) => startNode(name, redis));
    started.push(...programs);
    const nodes: Node[] = [];
    for (const program of programs) {
      const [, port = ''] = await program.line(/"url":"http:\/\/127\.0\.0\.1:(\d+)"/);
      nodes.push({ program, server: at(Number(port)) });
    }
    const folder = await mkdtemp(join(tmpdir(), 'fanfare-cluster-'));
    started.push({ [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) });
    const port = await freePort();
    const nginx = await startNginx(folder, port, nodes);
    started.push(nginx);
    await nginx.line(/start worker|using the "epoll"/);
    return { redis, nodes, front: at(port), [Symbol.asyncDispose]: dispose };
  } catch (err) {
    await dispose();
    throw err;
  }
}

/** With the environment of compose.yaml; only where it listens and where Redis is are of this machine. */
function startNode(name: string, { port }: TestRedis): Program {
  const here = { FANFARE_HOST: '127.0.0.1', FANFARE_PORT: '0' };
  const itsRedis = { FANFARE_REDIS_HOST: '127.0.0.1', FANFARE_REDIS_PORT: String(port) };
  return new Program('node', ['dist/main.js', 'start'], { env: { ...environmentOf(name), ...here, ...itsRedis } });
}

/** With the example's file; only addresses are of this machine, and what the image says on its command line. */
async function startNginx(folder: string, port: number, nodes: readonly Node[]): Promise<Program> {
  let conf = nginxConf.replace('listen 8080;', `listen 127.0.0.1:${port};`);
  nodeNames.forEach((name, index) => {
    conf = conf.replace(`server ${name}:8080 `, `server 127.0.0.1:${nodes[index]?.server.port} `);
  });
  const file = join(folder, 'nginx.conf');
  await writeFile(file, conf);
  const globals = `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr notice;`;
  return new Program('nginx', ['-e', 'stderr', '-c', file, '-g', globals]);
}

/** A node, or nginx, as tests speak to a server. */
function at(port: number): TestServer {
  const config = { ...configOf('node-1'), host: '127.0.0.1' };
  const [app] = config.apps as readonly [App];
  const line = () => Promise.reject(new Error('its log is its program’s'));
  const stop = () => Promise.resolve();
  const url = `http://127.0.0.1:${port}`;
  return { port, url, config, app, logged: [], line, stop, [Symbol.asyncDispose]: stop };
}

/** @param path below the app's, but for /stats */
export async function ask(server: TestServer, method: string, path: string, body?: object): Promise<ApiAnswer> {
  const { id, key, secret } = server.app;
  const full = path === '/stats' ? path : `/apps/${id}${path}`;
  return await api(server, method, full, { body, secret, query: { auth_key: key } });
}
