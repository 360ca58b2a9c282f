// The composition root: one set of adapters, core over it, the edges over core; started in that order and stopped in
// reverse, within a deadline.
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { Logger } from 'pino';
import { storeOf } from './adapters/apps/store-of.ts';
import { ipcAdapters } from './adapters/ipc/adapters.ts';
import type { Channel } from './adapters/ipc/channel.ts';
import { memoryAdapters } from './adapters/memory/adapters.ts';
import { redisAdapters } from './adapters/redis/adapters.ts';
import { AppAuthorizer } from './auth/authorizer.ts';
import type { Config } from './config/schema.ts';
import { Core } from './core/core.ts';
import type { Adapters } from './core/ports.ts';
import { declineUpgrade } from './http/decline-upgrade.ts';
import { createHttpServer } from './http/server.ts';
import { version } from './version.ts';
import { Webhooks } from './webhooks/webhooks.ts';
import { WebSocketEndpoint } from './ws/server.ts';

/** Where a started server listens. */
export interface Listening {
  readonly host: string;
  readonly port: number;
  /** With scheme and path prefix, without a slash at the end. */
  readonly url: string;
}

export interface FanfareServer {
  /** Resolves when sockets and requests are accepted; rejects when they cannot be, such as on a port that is taken. */
  start(): Promise<Listening>;
  /** Sends sockets away with 4200, answers requests in flight, and resolves within the configured deadline. */
  stop(): Promise<void>;
}

/** Share of the deadline in which sockets are sent away; the rest is for requests and adapters. */
const DRAIN_SHARE = 0.7;
/** Of what is left then, for webhooks that are due. */
const WEBHOOKS_SHARE = 0.8;
/**
 * How long a node that sent sockets away still listens. pusher-js is back at once, and told 4100 tries again a second
 * later; meeting a closed port it would not try for 15 seconds.
 */
const LINGER_MS = 1000;

/**
 * @param config as `loadConfig` made it; nothing is read from the environment here. `workers` does not matter here.
 * @param primary of a worker: the way to whom holds the memory set
 */
export function createServer(config: Config, log: Logger, primary?: Channel): FanfareServer {
  const options = { ...config, administered: config.admin.tokens.length > 0, version };
  const adapters = adaptersOf(config, log, primary);
  const core = new Core(adapters, storeOf(config, log), options, log);
  const authorizer = new AppAuthorizer(core, log);
  core.onAppsChanged(authorizer.appsChanged);
  const { path: pathPrefix, tls, development, admin } = config;
  const { apps, facts } = core;
  const { webhookQueue: queue, tracker } = adapters;
  const durable = config.adapter === 'redis';
  const webhooks = new Webhooks({ facts, apps, queue, tracker, durable, version, log }, config.webhooks);
  core.onAppsChanged(webhooks.appsChanged);
  const authorization = { authorizer, ...config.auth };
  const http = createHttpServer(
    core,
    { pathPrefix, tls, development, version, webhooks: webhooks.counts, authorization, adminTokens: admin.tokens },
    log,
  );
  const webSocket = new WebSocketEndpoint({ core, pathPrefix, log });
  serveUpgrades(http.fastify.server, webSocket);
  let stopping: Promise<void> | undefined;

  async function start(): Promise<Listening> {
    webhooks.listen();
    await core.start();
    try {
      await webhooks.start();
      await http.fastify.listen({ host: config.host, port: config.port });
    } catch (err) {
      await core.leave();
      await webhooks.stop(0);
      await core.stop();
      throw err;
    }
    const { address, port, family } = http.fastify.server.address() as AddressInfo;
    const authority = family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
    const url = `${config.tls === undefined ? 'http' : 'https'}://${authority}${config.path}`;
    const apps = await core.apps.list();
    log.info({ url, apps: apps.length, version }, 'listening');
    return { host: address, port, url };
  }

  async function stop(): Promise<void> {
    const withinMs = config.shutdown.deadlineSeconds * 1000;
    const endsAtMs = performance.now() + withinMs;
    log.info('stopping');
    const deadline = new AbortController();
    const over = setTimeout(withinMs, undefined, { signal: deadline.signal }).catch(() => {});
    const { sockets } = core.nodeStats();
    await core.drain({ closesPerSecond: config.shutdown.closesPerSecond, withinMs: withinMs * DRAIN_SHARE });
    if (sockets > 0) await setTimeout(Math.min(LINGER_MS, (withinMs * (1 - DRAIN_SHARE)) / 2));
    const leftMs = () => Math.max(0, endsAtMs - performance.now());
    const sent = webhooks.drain(leftMs() * WEBHOOKS_SHARE);
    // Waits for requests in flight and for peers to answer their close frames; not for ever.
    await Promise.race([http.close(), over]);
    http.destroy();
    deadline.abort();
    authorizer.stop();
    await sent;
    // What could not be told of the last sockets before is told now.
    await core.leave();
    await webhooks.stop(leftMs());
    await core.stop();
    log.info('stopped');
  }

  return {
    start,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

function serveUpgrades(server: Server, webSocket: WebSocketEndpoint): void {
  server.on('upgrade', (request, stream, head) => {
    if (request.headers.upgrade?.toLowerCase() === 'websocket') webSocket.upgrade(request, stream, head);
    else declineUpgrade(server, request, stream, head);
  });
}

/** One set, whole. */
function adaptersOf({ adapter, redis }: Config, log: Logger, primary: Channel | undefined): Adapters {
  if (adapter === 'redis') return redisAdapters(redis, log);
  return primary === undefined ? memoryAdapters() : ipcAdapters(primary);
}
