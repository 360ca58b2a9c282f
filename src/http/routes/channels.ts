// GET channels, one channel, its users (http-api.md §4–§6).
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { CountedChannel } from '../../core/channels.ts';
import type { Core } from '../../core/core.ts';
import { checkChannelName } from '../../core/events.ts';
import { parseInfo } from '../../protocol/api.ts';
import { queryOf } from '../authenticate.ts';
import { route } from '../route.ts';

export function channelRoutes(fastify: FastifyInstance, core: Core): void {
  /** `{"channels":{name:counts}}`: occupied channels; query `filter_by_prefix`, `info`. */
  route(fastify, 'GET', '/apps/:appId/channels', async (request) => {
    const query = queryOf(request);
    const asked = parseInfo(query.get('info'));
    return listText(await core.listChannels(request.app, query.get('filter_by_prefix') ?? '', asked));
  });

  /** `{"occupied":bool, …}` with the counts and the cached event that `info` asks for; never 404. */
  route(fastify, 'GET', '/apps/:appId/channels/:channel', async (request) => {
    return await core.describeChannel(request.app, channelOf(request), parseInfo(queryOf(request).get('info')));
  });

  /** `{"users":[{"id":"…"}]}`, each user once; 400 on channels without presence. */
  route(fastify, 'GET', '/apps/:appId/channels/:channel/users', async (request) => {
    const members = await core.listMembers(request.app, channelOf(request));
    return { users: members.map(({ userId }) => ({ id: userId })) };
  });
}

/** Put together as text: of tens of thousands of channels, an object takes twice the time. */
function listText(channels: readonly CountedChannel[]): string {
  let text = '';
  for (const [name, counts] of channels) text += `${text && ','}${JSON.stringify(name)}:${JSON.stringify(counts)}`;
  return `{"channels":{${text}}}`;
}

function channelOf({ app, params }: FastifyRequest): string {
  const { channel } = params as { channel: string };
  checkChannelName(channel, app.limits.channelNameLength, app.anyChannelName);
  return channel;
}
