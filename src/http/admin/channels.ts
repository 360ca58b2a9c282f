// The channels of an app, their members, and removing a user.
import { z } from 'zod';
import type { Core } from '../../core/core.ts';
import { checkChannelName } from '../../core/events.ts';
import { unsubscribeBody } from '../../protocol/api.ts';
import { type Asked, type Endpoint, endpoint, nothing } from './endpoint.ts';

const everything = { userCount: true, subscriptionCount: true };
const counts = {
  subscription_count: z.number(),
  user_count: z.number().optional().describe('Presence channels only.'),
};
const channelName = { channel: 'The channel’s name, percent-encoded.' };
const user = { userId: 'The user’s id, percent-encoded.' };

function channelOf({ app, params }: Pick<Asked<unknown, unknown>, 'app' | 'params'>): string {
  const { channel = '' } = params;
  checkChannelName(channel, app.limits.channelNameLength, app.anyChannelName);
  return channel;
}

export function channelEndpoints(core: Core): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/apps/{appId}/channels',
      summary: 'Occupied channels with their counts.',
      query: z.strictObject({ prefix: z.string().default('').describe('Those whose names start with it.') }),
      answers: z.object({ channels: z.record(z.string(), z.object(counts)) }),
      handle: async ({ app, query: { prefix } }) => {
        const channels = await core.listChannels({ ...app, strict: false }, prefix, everything);
        return { answer: { channels: Object.fromEntries(channels) } };
      },
    }),
    endpoint({
      method: 'GET',
      path: '/apps/{appId}/channels/{channel}',
      summary: 'One channel, also when nobody is there; of a cache channel with the event it keeps.',
      parameters: channelName,
      answers: z.object({
        occupied: z.boolean(),
        ...counts,
        cache: z.object({ data: z.string(), ttl: z.number() }).nullable().optional(),
      }),
      handle: async (asked) => ({
        answer: await core.describeChannel({ ...asked.app, strict: false }, channelOf(asked), {
          ...everything,
          cache: true,
        }),
      }),
    }),
    endpoint({
      method: 'GET',
      path: '/apps/{appId}/channels/{channel}/members',
      summary: 'Who is on a presence channel, with their user_info.',
      parameters: channelName,
      answers: z.object({ members: z.array(z.object({ userId: z.string(), userInfo: z.unknown() })) }),
      handle: async (asked) => {
        const members = await core.listMembers(asked.app, channelOf(asked));
        return { answer: { members: members.map(({ userId, info }) => ({ userId, userInfo: JSON.parse(info) })) } };
      },
    }),
    endpoint({
      method: 'POST',
      path: '/apps/{appId}/users/{userId}/channels/{channel}/unsubscribe',
      summary: 'Take a user off one channel on all servers, and keep them out for a while.',
      parameters: { ...user, ...channelName },
      body: unsubscribeBody,
      bodyIsOptional: true,
      answers: nothing,
      handle: async (asked) => {
        const { deny_seconds: seconds } = asked.body;
        await core.unsubscribeUser(asked.app, asked.params.userId ?? '', channelOf(asked), seconds);
        return { answer: {} };
      },
    }),
    endpoint({
      method: 'POST',
      path: '/apps/{appId}/users/{userId}/terminate_connections',
      summary: 'Close all connections of a user, for good (4009).',
      parameters: user,
      answers: nothing,
      handle: async ({ app, params }) => {
        await core.terminateUser(app, params.userId ?? '');
        return { answer: {} };
      },
    }),
  ];
}
