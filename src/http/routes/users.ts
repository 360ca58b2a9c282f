// POST terminate_connections (http-api.md §7), and the removal of a user from one channel.
import type { FastifyInstance } from 'fastify';
import type { Core } from '../../core/core.ts';
import { checkChannelName } from '../../core/events.ts';
import { parseUnsubscribe } from '../../protocol/api.ts';
import { bodyOf } from '../authenticate.ts';
import { route } from '../route.ts';

export function userRoutes(fastify: FastifyInstance, core: Core): void {
  /** `{}`, also when the user has no connection. */
  for (const prefix of ['/apps/:appId', '' /* as the Python SDK asks; the app is that of auth_key */]) {
    route(fastify, 'POST', `${prefix}/users/:userId/terminate_connections`, async ({ app, params }) => {
      await core.terminateUser(app, (params as { userId: string }).userId);
      return {};
    });
  }

  /** `{}`, also when the user is not there. Body, optional: `{"deny_seconds":n}`, for so long they may not come back. */
  route(fastify, 'POST', '/apps/:appId/users/:userId/channels/:channel/unsubscribe', async (request) => {
    const { app } = request;
    const { userId, channel } = request.params as { userId: string; channel: string };
    checkChannelName(channel, app.limits.channelNameLength, app.anyChannelName);
    await core.unsubscribeUser(app, userId, channel, parseUnsubscribe(bodyOf(request)));
    return {};
  });
}
