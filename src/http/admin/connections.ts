// The open connections of an app: list, inspect, disconnect.
import { z } from 'zod';
import type { Administration } from '../../core/administration.ts';
import { connectionDetailsSchema } from '../../core/connection-details.ts';
import type { Core } from '../../core/core.ts';
import { countIn, type Endpoint, endpoint, nothing } from './endpoint.ts';

const socketId = { socketId: 'The socket’s id, as 123.456.' };
const noConnection = { 404: 'There is no such app, or no such connection.' };

/** Redis counts in 64 bits. */
function isCursor(text: string): boolean {
  return /^\d{1,20}$/.test(text) && BigInt(text) < 2n ** 64n;
}

export function connectionEndpoints(core: Core, administration: Administration): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/apps/{appId}/connections',
      summary: 'Open connections of the app in the whole cluster, page by page, in no order.',
      query: z.strictObject({
        limit: countIn(1, 1000, 100, 'About how many; a page may have more, or fewer.'),
        cursor: z.string().refine(isCursor, 'expected the next of the page before').optional(),
      }),
      answers: z.object({
        total: z.number().describe('Of all pages.'),
        socketIds: z.array(z.string()),
        next: z.string().nullable().describe('The cursor of the next page; null on the last.'),
      }),
      handle: async ({ app, query: { limit, cursor } }) => {
        const { socketIds, next = null } = await administration.connections(app, limit, cursor);
        return { answer: { total: await core.connectionCount(app), socketIds, next } };
      },
    }),
    endpoint({
      method: 'GET',
      path: '/apps/{appId}/connections/{socketId}',
      summary: 'One connection: who, where, since when, on which channels, how many bytes.',
      parameters: socketId,
      answers: connectionDetailsSchema,
      refuses: noConnection,
      handle: async ({ app, params }) => ({ answer: await administration.describe(app, params.socketId ?? '') }),
    }),
    endpoint({
      method: 'DELETE',
      path: '/apps/{appId}/connections/{socketId}',
      summary: 'Close one connection, on whichever server it is.',
      parameters: socketId,
      query: z.strictObject({
        reconnect: z
          .enum(['true', 'false'])
          .default('false')
          .describe('true: with 4200, so that the client connects anew. false: with 4009, and it stays away.'),
      }),
      answers: nothing,
      refuses: noConnection,
      handle: async ({ app, params, query: { reconnect } }) => {
        await administration.disconnect(app, params.socketId ?? '', reconnect === 'true');
        return { answer: {} };
      },
    }),
  ];
}
