// Is the process alive, and does it want traffic? Unsigned (http-api.md §9).
import type { FastifyInstance } from 'fastify';
import type { Core } from '../../core/core.ts';
import { RequestError } from '../../protocol/errors.ts';
import { route } from '../route.ts';

export function healthRoutes(fastify: FastifyInstance, core: Core, version: string): void {
  /** Liveness: answers as long as the process can. */
  route(fastify, 'GET', '/health', async () => ({
    status: 'ok',
    version,
    uptime_seconds: Math.floor(process.uptime()),
  }));
  /** Reverb's health check. */
  route(fastify, 'GET', '/up', async () => ({ health: 'OK' }));
  /** Readiness: 503 from the moment the node is being stopped. */
  route(fastify, 'GET', '/ready', async () => {
    if (core.draining) throw new RequestError(503, 'Server is closing.', { 'retry-after': '1' });
    return { status: 'ready' };
  });
  /** soketi's, for load balancers that look at the root. */
  fastify.get('/', async (_request, reply) => reply.type('text/plain').send('OK'));
}
