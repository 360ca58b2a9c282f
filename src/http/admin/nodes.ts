// The servers of the cluster.
import { z } from 'zod';
import type { Administration } from '../../core/administration.ts';
import { type Endpoint, endpoint, nothing } from './endpoint.ts';

const node = z.object({
  id: z.string().describe('Made anew with each start.'),
  self: z.boolean().describe('Whether it is the one that answers.'),
  host: z.string(),
  pid: z.number(),
  version: z.string(),
  startedAt: z.string().describe('ISO 8601.'),
  sockets: z.number(),
  draining: z.boolean().describe('It takes no sockets any more.'),
  silentSeconds: z.number().describe('Since it was heard of; every three seconds while all is well.'),
});

export function nodeEndpoints(administration: Administration): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/nodes',
      summary: 'The servers (or worker processes) that were heard of in the last half minute.',
      answers: z.object({ nodes: z.array(node) }),
      handle: async () => {
        const nodes = await administration.nodes();
        return {
          answer: {
            nodes: nodes.map(({ startedAtMs, silentMs, ...rest }) => ({
              ...rest,
              self: rest.id === administration.nodeId,
              startedAt: new Date(startedAtMs).toISOString(),
              silentSeconds: Math.round(silentMs / 1000),
            })),
          },
        };
      },
    }),
    endpoint({
      method: 'POST',
      path: '/nodes/{nodeId}/drain',
      summary: 'Have a server send its sockets to the others (4200) and take no new ones; /ready says 503. It runs on.',
      parameters: { nodeId: 'As in the list of nodes.' },
      answers: nothing,
      refuses: { 404: 'There is no such node.' },
      handle: async ({ params }) => {
        await administration.drainNode(params.nodeId ?? '');
        return { answer: {} };
      },
    }),
  ];
}
