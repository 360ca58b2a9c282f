// POST events and batch_events (http-api.md §2, §3).
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { App } from '../../core/app.ts';
import type { Core } from '../../core/core.ts';
import { type EventRequest, parseBatch, parseEvent } from '../../protocol/api.ts';
import { isUnavailable } from '../../protocol/errors.ts';
import { bodyOf } from '../authenticate.ts';
import { type Published, publishOnce } from '../idempotency.ts';
import { route } from '../route.ts';

/** What is asked for by the last part of the path. 400, 413, 429: nothing was published. */
export type Publishing = 'events' | 'batch_events';

/** Checks a body, and returns what publishes it. */
const readers: Record<Publishing, (core: Core, app: App, body: Buffer) => () => Promise<object>> = {
  /** `{}`, or `{"channels":{name:counts}}` when `info` asked for counts. */
  events: (core, app, body) => {
    const event = parseEvent(body);
    return () => publishEvent(core, app, event);
  },
  /** `{}`, or `{"batch":[counts, …]}` in the order of the events when one of them asked. All or nothing is published. */
  batch_events: (core, app, body) => {
    const events = parseBatch(body, app.limits.batchEvents);
    return () => publishBatch(core, app, events);
  },
};

/** Publishes what a verified request holds. @throws RequestError */
export function publish(
  core: Core,
  app: App,
  what: Publishing,
  { headers, body }: { readonly headers: IncomingHttpHeaders; readonly body: Buffer },
): Promise<Published> {
  return publishOnce(core, { app, headers, content: [what, body] }, readers[what](core, app, body));
}

/** For requests in a form that the front leaves to Node; see front.ts. */
export function eventRoutes(fastify: FastifyInstance, core: Core): void {
  for (const what of ['events', 'batch_events'] as const) {
    route(fastify, 'POST', `/apps/:appId/${what}`, async (request, reply) => {
      const { app, headers } = request;
      const published = await publish(core, app, what, { headers, body: bodyOf(request) });
      reply.headers(published.headers);
      return published.text;
    });
  }
}

/** `{}`, or the counts it asked for: without those that cannot be had, as the event is published by then. */
export async function publishEvent(core: Core, app: App, event: EventRequest): Promise<object> {
  await core.trigger(app, [event]);
  const { asked, channels } = event;
  if (asked === undefined) return {};
  return { channels: Object.fromEntries(await core.countChannels(app, channels, asked).catch(without)) };
}

async function publishBatch(core: Core, app: App, events: readonly EventRequest[]): Promise<object> {
  await core.trigger(app, events);
  if (events.every(({ asked }) => asked === undefined)) return {};
  return { batch: await Promise.all(events.map((event) => countsOf(core, app, event))) };
}

async function countsOf(core: Core, app: App, { asked, channels }: EventRequest): Promise<object> {
  if (asked === undefined) return {};
  const [counted] = await core.countChannels(app, channels, asked).catch(without);
  return counted?.[1] ?? {};
}

/** An error would have the event sent, and published, once more. */
function without(err: unknown): [] {
  if (isUnavailable(err)) return [];
  throw err;
}
