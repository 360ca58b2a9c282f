// Nodes in this process over one Redis, that keep no log but what is wrong, and what is left of their work.
import { queryObjects } from 'node:v8';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { vi } from 'vitest';
import type { Config } from '../../src/config/schema.ts';
import { configSchema } from '../../src/config/schema.ts';
import type { App } from '../../src/core/app.ts';
import { Connection } from '../../src/core/connection.ts';
import { Subscription } from '../../src/core/subscription.ts';
import { createServer } from '../../src/server.ts';
import { Socket } from '../../src/ws/socket.ts';
import { api } from '../support/api.ts';
import type { RedisSettings } from '../support/redis.ts';
import { credentials, type LogLine, type TestServer } from '../support/server.ts';

const features = { clientEvents: true, watchlists: true, subscriptionCount: true, cacheTtlSeconds: 1 } as const;
/** Cached events, rate limits and topics that linger are let go of within seconds. */
const SETTLED_WITHIN_MS = 30_000;

/** @param troubles is where warnings and errors are put */
export async function startNode(redis: RedisSettings, troubles: LogLine[]): Promise<TestServer> {
  const apps = [{ ...credentials, ...features }];
  const parsed = configSchema.parse({ host: '127.0.0.1', port: 0, adapter: 'redis', redis, apps });
  const config = { ...parsed, development: false } as Config;
  const log = pino({ level: 'warn' }, { write: (text: string) => void troubles.push(JSON.parse(text) as LogLine) });
  const server = createServer(config, log);
  const { port, url } = await server.start();
  const stop = () => server.stop();
  const line = () => Promise.reject(new Error('this node keeps no log'));
  return { port, url, config, app: config.apps[0] as App, logged: [], line, stop, [Symbol.asyncDispose]: stop };
}

/** All that should be nothing when no socket is open. */
export interface Remains {
  /** Keys of ours in Redis that are no leases. */
  readonly keys: readonly string[];
  /** Topics that Redis sends to any node. */
  readonly topics: readonly string[];
  /** Of all nodes: open sockets, topics listened to, and what their lists of channels and counts of connections say. */
  readonly gauges: {
    readonly sockets: number;
    readonly topics: number;
    readonly channels: number;
    readonly connections: number;
  };
  /** Objects of this process, whoever holds them. */
  readonly objects: { readonly connections: number; readonly subscriptions: number; readonly sockets: number };
}

export const NOTHING: Remains = {
  keys: [],
  topics: [],
  gauges: { sockets: 0, topics: 0, channels: 0, connections: 0 },
  objects: { connections: 0, subscriptions: 0, sockets: 0 },
};

/** Resolves when nothing is left in Redis, or with what is left after half a minute. */
export async function remains(nodes: readonly TestServer[], outside: Redis, prefix: string): Promise<Remains> {
  const left = async () => {
    const found = await outside.keys(`${prefix}*`);
    // The register of a node is there as long as the node; empty, it has its mark only.
    const sizes = await Promise.all(found.map((key) => (key.includes(':held:') ? outside.scard(key) : Number.NaN)));
    const isRegister = (index: number) => sizes[index] === 1;
    // Orders are kept for an hour, for servers that do not hear them at once; see test/trouble/orders.
    const keys = found
      .filter((key, index) => !isRegister(index) && !key.endsWith(':orders'))
      .map((key) => key.slice(prefix.length));
    const topics = (await outside.pubsub('CHANNELS', `${prefix}*`)) as string[];
    return { keys: keys.filter((key) => !key.startsWith('{cluster}:')), topics };
  };
  const isSettled = async () => {
    const { keys, topics } = await left();
    return keys.length + topics.length === 0;
  };
  await vi.waitUntil(isSettled, { timeout: SETTLED_WITHIN_MS, interval: 100 }).catch(() => {});
  const all = await Promise.all(nodes.map(gaugesOf));
  const sum = (of: (gauges: Remains['gauges']) => number) => all.map(of).reduce((total, count) => total + count, 0);
  return {
    ...(await left()),
    gauges: {
      sockets: sum(({ sockets }) => sockets),
      topics: sum(({ topics }) => topics),
      channels: sum(({ channels }) => channels),
      connections: sum(({ connections }) => connections),
    },
    objects: {
      connections: queryObjects(Connection, { format: 'count' }),
      subscriptions: queryObjects(Subscription, { format: 'count' }),
      sockets: queryObjects(Socket, { format: 'count' }),
    },
  };
}

interface Stats {
  readonly sockets: number;
  readonly topics: number;
  readonly apps: Readonly<Record<string, { readonly sockets: number; readonly channels: number }>>;
}

async function gaugesOf(node: TestServer): Promise<Remains['gauges']> {
  const { sockets, topics, apps } = (await api(node, 'GET', '/stats')).json as Stats;
  const { connections } = (await api(node, 'GET', `/apps/${node.app.id}/connections`)).json as { connections: number };
  const channels = apps[node.app.id]?.channels ?? Number.NaN;
  return { sockets: sockets + (apps[node.app.id]?.sockets ?? Number.NaN), topics, channels, connections };
}
