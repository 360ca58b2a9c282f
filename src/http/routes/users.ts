// POST terminate_connections (http-api.md §7).
import type { FastifyInstance } from 'fastify';
import type { Core } from '../../core/core.ts';
import { route } from '../route.ts';

export function userRoutes(fastify: FastifyInstance, core: Core): void {
  /** `{}`, also when the user has no connection. */
  for (const prefix of ['/apps/:appId', '' /* as the Python SDK asks; the app is that of auth_key */]) {
    route(fastify, 'POST', `${prefix}/users/:userId/terminate_connections`, async ({ app, params }) => {
      await core.terminateUser(app, (params as { userId: string }).userId);
      return {};
    });
  }
}
