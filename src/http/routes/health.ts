// Is the process alive, and does it want traffic? Unsigned (http-api.md §9).
import type { FastifyInstance } from 'fastify';
import type { Core } from '../../core/core.ts';
import { requestErrors } from '../../protocol/errors.ts';
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
  /**
   * Readiness: 503 with the reason while the node is being stopped, or does not reach Redis, which is asked each time.
   * `apps` is why changes of apps are not noticed, while that is so: what is known of them serves on.
   */
  route(fastify, 'GET', '/ready', async () => {
    const trouble = await core.trouble();
    if (trouble !== undefined) throw requestErrors.notReady(trouble);
    const apps = core.apps.trouble();
    return { status: 'ready', ...(apps !== undefined && { apps }) };
  });
  /** soketi's, for load balancers that look at the root. */
  fastify.get('/', async (_request, reply) => reply.type('text/plain').send('OK'));
}
