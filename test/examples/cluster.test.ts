// The cluster example, as far as it can be tested without a container engine: its nginx.conf in front of nodes that have
// the environment compose.yaml gives them, over a real Redis; and that the two files fit each other.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { parseEnvFile } from '../../src/config/env-file.ts';
import { type Client, connect, type Frame } from '../support/client.ts';
import { Program } from '../support/program.ts';
import { ask, type Cluster, startCluster } from './support/cluster.ts';
import { compose, configOf, dotEnv, FOLDER, nginxConf, nodeNames, readCompose, secrets } from './support/compose.ts';

describe('compose.yaml', () => {
  it.each(Object.keys(dotEnv))('starts nothing without %s', (name) => {
    expect(() => readCompose(`${FOLDER}/compose.yaml`, { ...dotEnv, [name]: '' })).toThrow(name);
  });

  it('has an example of the variables it needs, in which no secret is filled in', () => {
    const { entries, badLines } = parseEnvFile(readFileSync(`${FOLDER}/.env.example`, 'utf8'), {});
    expect(badLines).toEqual([]);
    expect([...entries.keys()].sort()).toEqual([...Object.keys(dotEnv), 'PORT'].sort());
    for (const name of Object.keys(secrets)) expect(entries.get(name)?.value).toBe('');
  });

  it('gives every node a configuration that is valid, over its own Redis', () => {
    expect(nodeNames).toHaveLength(3);
    const password = dotEnv.REDIS_PASSWORD;
    for (const name of nodeNames) expect(configOf(name)).toMatchObject({ adapter: 'redis', redis: { password } });
    const { redis = {} } = compose.services;
    expect(Object.keys(compose.services)).toContain(configOf('node-1').redis.host);
    expect(redis.environment).toEqual({ REDISCLI_AUTH: password });
    expect(redis.command?.join(' ')).toContain('--requirepass "$REDISCLI_AUTH"');
  });

  it('builds the nodes from this repository', () => {
    for (const name of nodeNames) {
      expect(existsSync(join(FOLDER, compose.services[name]?.build ?? '', 'Dockerfile'))).toBe(true);
    }
  });

  it('gives a node longer to stop than it takes', () => {
    for (const name of nodeNames) {
      const [, seconds] = /^(\d+)s$/.exec(compose.services[name]?.stop_grace_period ?? '') ?? [];
      expect(Number(seconds)).toBeGreaterThan(configOf(name).shutdown.deadlineSeconds);
    }
  });

  it('publishes nginx only, which passes on to the port of every node, once they are ready', () => {
    const { nginx = {} } = compose.services;
    const [, listens = ''] = /listen (\d+);/.exec(nginxConf) ?? [];
    expect(nginx.ports).toEqual([`8080:${listens}`]);
    expect(nginx.volumes).toEqual(['./nginx.conf:/etc/nginx/nginx.conf:ro']);
    expect(Object.values(compose.services).filter(({ ports }) => ports !== undefined)).toEqual([nginx]);
    const upstreams = Array.from(nginxConf.matchAll(/^ *server (\S+) /gm), ([, address]) => address);
    expect(upstreams).toEqual(nodeNames.map((name) => `${name}:${configOf(name).port}`));
    const isHealthy = { condition: 'service_healthy' };
    expect(nginx.depends_on).toEqual(Object.fromEntries(nodeNames.map((name) => [name, isHealthy])));
    for (const name of nodeNames) expect(compose.services[name]?.depends_on).toEqual({ redis: isHealthy });
  });
});

const as = (id: number) => ({ user_id: String(id), user_info: { name: `Ada ${id}` } });

function rosterOf({ data }: Frame): string[] {
  const { presence } = JSON.parse(data as string) as { presence: { ids: string[] } };
  return presence.ids.sort();
}

describe('three nodes behind nginx.conf', () => {
  it('are one server: sockets on all of them, one list of members, and every event for everybody', async () => {
    await using cluster = await startCluster();
    const { front, nodes } = cluster;
    const ids = Array.from({ length: 9 }, (_, index) => index);
    const clients: Client[] = [];
    for (const id of ids) {
      const client = await connect(front);
      clients.push(client);
      expect(rosterOf(await client.joined('presence-room', as(id)))).toEqual(ids.slice(0, id + 1).map(String));
    }
    expect(await socketsOf(cluster)).toEqual([3, 3, 3]);
    for (const asked of [front, ...nodes.map(({ server }) => server)]) {
      const { json } = await ask(asked, 'GET', '/channels/presence-room/users');
      expect((json as { users: { id: string }[] }).users.map(({ id }) => id).sort()).toEqual(ids.map(String));
    }
    await publish(cluster, 'presence-room', 'hello');
    for (const client of clients) expect((await client.nextOf('MessageSent')).data).toBe('hello');
    await Promise.all(clients.map((client) => client.leave()));
  });

  it('send the sockets of one that is stopped to the others', async () => {
    await using cluster = await startCluster();
    const clients = await nineClients(cluster);
    const [first] = cluster.nodes;
    first?.program.signal('SIGTERM');
    const gone = await threeOf(clients);
    expect(await Promise.all(gone.map(async ({ closed }) => (await closed).code))).toEqual([4200, 4200, 4200]);
    expect(await first?.program.exit()).toBe(0);
    await expectTheOthersServe(cluster, clients, gone);
  });

  it('pass over one that was killed', async () => {
    await using cluster = await startCluster();
    const clients = await nineClients(cluster);
    const [first] = cluster.nodes;
    first?.program.signal('SIGKILL');
    await first?.program.exit();
    await expectTheOthersServe(cluster, clients, await threeOf(clients));
  });

  it('are asked by the health check of compose.yaml whether they are ready', async () => {
    await using cluster = await startCluster();
    const [node] = cluster.nodes;
    const [kind, command = '', ...args] = compose.services['node-1']?.healthcheck?.test ?? [];
    expect(kind).toBe('CMD');
    expect(args.at(-1)).toContain(`http://127.0.0.1:${configOf('node-1').port}/ready`);
    const here = args.map((arg) => arg.replace(/:8080/, `:${node?.server.port}`));
    const check = async () => {
      await using program = new Program(command, here);
      return await program.exit();
    };
    expect(await check()).toBe(0);
    await cluster.redis.kill();
    expect(await check()).not.toBe(0);
    node?.program.signal('SIGKILL');
    await node?.program.exit();
    expect(await check()).not.toBe(0);
  });
});

async function nineClients({ front }: Cluster): Promise<Client[]> {
  const clients: Client[] = [];
  while (clients.length < 9) {
    const client = await connect(front);
    await client.joined('news');
    clients.push(client);
  }
  return clients;
}

/** The clients of the node that is ending. */
async function threeOf(clients: readonly Client[]): Promise<Client[]> {
  const gone: Client[] = [];
  for (const client of clients) void client.closed.then(() => gone.push(client));
  await vi.waitUntil(() => gone.length === 3, { timeout: 10_000 });
  return gone;
}

/** Through nginx, while it still has the node that is gone in its list. */
async function expectTheOthersServe(cluster: Cluster, clients: readonly Client[], gone: readonly Client[]) {
  const back = await Promise.all(gone.map(() => connect(cluster.front)));
  for (const client of back) await client.joined('news');
  const [, second = 0, third = 0] = await socketsOf(cluster);
  expect(second + third).toBe(9);
  const here = [...clients.filter((client) => !gone.includes(client)), ...back];
  for (const text of ['1', '2', '3']) {
    await publish(cluster, 'news', text);
    for (const client of here) expect((await client.nextOf('MessageSent')).data).toBe(text);
  }
  await Promise.all(here.map((client) => client.leave()));
}

async function publish({ front }: Cluster, channel: string, data: string): Promise<void> {
  const { status } = await ask(front, 'POST', '/events', { name: 'MessageSent', channel, data });
  expect(status).toBe(200);
}

/** Open sockets of each node; 0 of one that is gone. */
async function socketsOf({ nodes }: Cluster): Promise<number[]> {
  return await Promise.all(
    nodes.map(async ({ program, server }) => {
      if (program.child.exitCode !== null || program.child.signalCode !== null) return 0;
      return ((await ask(server, 'GET', '/stats')).json as { sockets: number }).sockets;
    }),
  );
}
