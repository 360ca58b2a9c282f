// What one app, or the node, is doing (http-api.md §9).
import type { FastifyInstance } from 'fastify';
import type { App } from '../../core/app.ts';
import type { Core } from '../../core/core.ts';
import { route } from '../route.ts';

/** Webhook events of this node since its start, and attempts that failed. */
export interface WebhookCounts {
  readonly queued: number;
  readonly sent: number;
  readonly failed: number;
  readonly dead: number;
  readonly dropped: number;
}

export function connectionRoutes(fastify: FastifyInstance, core: Core): void {
  /** `{"connections":N}`: all open connections of the app in the cluster. */
  route(fastify, 'GET', '/apps/:appId/connections', async ({ app }) => ({
    connections: await core.connectionCount(app),
  }));
}

/** The node, and the app whose key signed the request. */
export function signedStatsRoutes(fastify: FastifyInstance, core: Core, webhooks: Readonly<WebhookCounts>): void {
  route(fastify, 'GET', '/stats', async ({ app }) => await stats(core, [app], webhooks));
}

/** Development only: the node and every app, unsigned. */
export function openStatsRoutes(fastify: FastifyInstance, core: Core, webhooks: Readonly<WebhookCounts>): void {
  route(fastify, 'GET', '/stats', async () => await stats(core, await core.apps.list(), webhooks));
}

/**
 * Of this node: sockets open, topics listened to (channels, signed-in users, watched users), messages between servers
 * that were dropped as malformed since the start, webhook events of all apps, bytes of memory. Per app:
 * sockets on this node, occupied channels, messages received from clients, events triggered, frames sent, and sockets
 * closed as they read too slowly, each since the start.
 */
async function stats(core: Core, apps: readonly App[], webhooks: Readonly<WebhookCounts>): Promise<object> {
  const { rss, heapUsed } = process.memoryUsage();
  const perApp = apps.map(async (app): Promise<[string, object]> => {
    const { sockets, traffic } = core.stats(app);
    const channels = await core.listChannels(app, '', { userCount: false, subscriptionCount: false });
    return [app.id, { name: app.name, sockets, channels: channels.length, messages: { ...traffic } }];
  });
  return {
    ...core.nodeStats(),
    webhooks: { ...webhooks },
    uptime_seconds: Math.floor(process.uptime()),
    memory: { rss_bytes: rss, heap_bytes: heapUsed },
    apps: Object.fromEntries(await Promise.all(perApp)),
  };
}
