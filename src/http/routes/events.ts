// POST events and batch_events (http-api.md §2, §3).
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { App } from '../../core/app.ts';
import type { Core } from '../../core/core.ts';
import { type EventRequest, parseBatch, parseEvent } from '../../protocol/api.ts';
import { bodyOf } from '../authenticate.ts';
import { publishOnce } from '../idempotency.ts';
import { route } from '../route.ts';

export function eventRoutes(fastify: FastifyInstance, core: Core): void {
  /** `{}`, or `{"channels":{name:counts}}` when `info` asked for counts. 400, 413, 429: nothing was published. */
  route(fastify, 'POST', '/apps/:appId/events', async (request, reply) => {
    const { app } = request;
    const event = parseEvent(bodyOf(request));
    return await once(request, reply, 'events', () => publishEvent(core, app, event));
  });

  /** `{}`, or `{"batch":[counts, …]}` in the order of the events when one of them asked. All or nothing is published. */
  route(fastify, 'POST', '/apps/:appId/batch_events', async (request, reply) => {
    const { app } = request;
    const events = parseBatch(bodyOf(request), app.limits.batchEvents);
    return await once(request, reply, 'batch_events', () => publishBatch(core, app, events));
  });

  async function once(
    request: FastifyRequest,
    reply: FastifyReply,
    kind: string,
    publish: () => Promise<object>,
  ): Promise<string> {
    const { app, headers } = request;
    const published = await publishOnce(core, { app, headers, content: [kind, bodyOf(request)] }, publish);
    reply.headers(published.headers);
    return published.text;
  }
}

/** `{}`, or the counts it asked for. */
export async function publishEvent(core: Core, app: App, event: EventRequest): Promise<object> {
  await core.trigger(app, [event]);
  const { asked, channels } = event;
  if (asked === undefined) return {};
  return { channels: Object.fromEntries(await core.countChannels(app, channels, asked)) };
}

async function publishBatch(core: Core, app: App, events: readonly EventRequest[]): Promise<object> {
  await core.trigger(app, events);
  if (events.every(({ asked }) => asked === undefined)) return {};
  return { batch: await Promise.all(events.map((event) => countsOf(core, app, event))) };
}

async function countsOf(core: Core, app: App, { asked, channels }: EventRequest): Promise<object> {
  if (asked === undefined) return {};
  const [counted] = await core.countChannels(app, channels, asked);
  return counted?.[1] ?? {};
}
