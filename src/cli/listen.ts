// fanfare listen: prints the events of channels of any Pusher-compatible server, one line each.
import { channelKind } from '../protocol/channel-name.ts';
import { readJson } from '../protocol/json.ts';
import { type Command, type Edge, exitCodes, parseOptions, UsageError } from './command.ts';
import { eventLine } from './event-line.ts';
import type { Member } from './frames.ts';
import { Tail } from './tail.ts';
import { requireParts, type Target, targetHelp, targetOf, targetOptions } from './target.ts';

const listenOptions = {
  ...targetOptions,
  'user-id': { type: 'string' },
  'user-info': { type: 'string' },
  count: { type: 'string' },
} as const;

export const listen: Command = {
  help: `Usage: fanfare listen CHANNEL... [options]

Prints the events of channels of any Pusher-compatible server, one line each:
time, channel, event, data. Private and presence channels are signed here, with
the app's secret. What becomes of the connection goes to the standard error.

Options:
  --count N          end after N events; member_added and the like, which the
                     server sends itself, are printed but not counted
  --user-id ID       who to be on presence channels: others see you join
  --user-info JSON   what the other members see of you
${targetHelp}`,
  run: async (args, edge) => {
    const { values, positionals: channels } = parseOptions(args, listenOptions);
    if (channels.length === 0) throw new UsageError('which CHANNEL?');
    const target = targetOf(values, edge);
    const member = memberOf(values['user-id'], values['user-info']);
    const secret = secretFor(channels, target, member);
    return await follow(target, { channels, secret, member, count: countOf(values.count) }, edge);
  },
};

interface Following {
  readonly channels: readonly string[];
  readonly secret: string | undefined;
  readonly member: Member | undefined;
  readonly count: number;
}

async function follow(target: Target, { count, ...rest }: Following, edge: Edge): Promise<number> {
  const { key } = requireParts(target, 'key');
  const query = `protocol=7&client=fanfare-cli&version=${encodeURIComponent(edge.version)}`;
  const url = `${target.url.replace(/^http/, 'ws')}/app/${encodeURIComponent(key)}?${query}`;
  let left = count;
  const tail = new Tail({
    ...rest,
    url,
    key,
    onEvent: (frame) => {
      edge.out(eventLine(new Date(), frame.channel ?? '', frame.event, frame.data));
      if (!frame.event.startsWith('pusher') && --left === 0) tail.stop();
    },
    onNote: (note) => edge.err(`# ${note}`),
  });
  const reason = await tail.start();
  if (reason === undefined) return exitCodes.ok;
  edge.err(`fanfare: ${reason}`);
  return exitCodes.failed;
}

function secretFor(channels: readonly string[], target: Target, member: Member | undefined): string | undefined {
  const presence = channels.find((channel) => channelKind(channel).presence);
  if (presence !== undefined && member === undefined) {
    throw new UsageError(`${presence} needs --user-id: whoever listens to a presence channel is a member of it`);
  }
  return channels.some((channel) => channelKind(channel).guarded)
    ? requireParts(target, 'key', 'secret').secret
    : target.secret;
}

function memberOf(userId: string | undefined, userInfo: string | undefined): Member | undefined {
  if (userInfo !== undefined && userId === undefined) throw new UsageError('--user-info needs --user-id');
  if (userId === undefined) return undefined;
  if (userInfo === undefined) return { userId };
  const info = readJson(userInfo);
  if (info === undefined) throw new UsageError(`--user-info must be JSON, got "${userInfo}"`);
  return { userId, userInfo: info };
}

/** Infinity when there is no limit. */
function countOf(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new UsageError(`--count must be 1 or more, got "${text}"`);
  return Number(text);
}
