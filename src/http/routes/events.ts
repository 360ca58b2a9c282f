// POST events and batch_events (http-api.md §2, §3).
import type { FastifyInstance } from 'fastify';
import type { Core } from '../../core/core.ts';
import { type EventRequest, parseBatch, parseEvent } from '../../protocol/api.ts';
import { bodyOf } from '../authenticate.ts';
import { route } from '../route.ts';

export function eventRoutes(fastify: FastifyInstance, core: Core): void {
  /** `{}`, or `{"channels":{name:counts}}` when `info` asked for counts. 400, 413, 429: nothing was published. */
  route(fastify, 'POST', '/apps/:appId/events', async (request) => {
    const event = parseEvent(bodyOf(request));
    await core.trigger(request.app, [event]);
    const { asked, channels } = event;
    if (asked === undefined) return {};
    return { channels: Object.fromEntries(await core.countChannels(request.app, channels, asked)) };
  });

  /** `{}`, or `{"batch":[counts, …]}` in the order of the events when one of them asked. All or nothing is published. */
  route(fastify, 'POST', '/apps/:appId/batch_events', async (request) => {
    const events = parseBatch(bodyOf(request), request.app.limits.batchEvents);
    await core.trigger(request.app, events);
    if (events.every(({ asked }) => asked === undefined)) return {};
    return { batch: await Promise.all(events.map((event) => countsOf(request.app, event))) };
  });

  async function countsOf(app: Parameters<Core['trigger']>[0], { asked, channels }: EventRequest): Promise<object> {
    if (asked === undefined) return {};
    const [counted] = await core.countChannels(app, channels, asked);
    return counted?.[1] ?? {};
  }
}
