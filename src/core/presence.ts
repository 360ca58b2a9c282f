// Who a presence member is, from channel_data or the signed-in user, and the snapshot's form (websocket.md §7); pure.
import { z } from 'zod';
import { memberTooLarge, presenceWithoutUser } from '../protocol/errors.ts';
import { readJson, writeJson } from '../protocol/json.ts';
import { hasMoreCharacters } from '../protocol/length.ts';
import { USER_ID_LENGTH } from '../protocol/limits.ts';
import type { User } from './connection.ts';
import type { Member } from './ports.ts';

/** 7 and "7" are the same user: ids are strings everywhere. */
const channelData = z.object({
  user_id: z.union([z.string(), z.number()]).transform(String).optional(),
  user_info: z.unknown().optional(),
});

/**
 * The member a verified join is for: channel_data wins over the signed-in user.
 * @throws ProtocolError when neither names a user, or the info is larger than `maxInfoBytes`.
 */
export function memberOf(
  channel: string,
  data: string | undefined,
  user: User | undefined,
  maxInfoBytes: number,
): Member {
  const parsed = channelData.safeParse(data === undefined ? {} : readJson(data)).data;
  if (parsed === undefined) throw presenceWithoutUser(channel);
  const { user_id: userId = user?.id, user_info: userInfo } = parsed;
  if (userId === undefined || userId === '' || hasMoreCharacters(userId, USER_ID_LENGTH)) {
    throw presenceWithoutUser(channel);
  }
  const info = data === undefined ? user?.info : writeJson(userInfo ?? null);
  if (info === undefined || Buffer.byteLength(info) > maxInfoBytes) throw memberTooLarge(channel, maxInfoBytes);
  return { userId, info };
}

/** What was made of a list before: trackers may hand out the same one until the members change. */
const rosters = new WeakMap<readonly Member[], string>();

/** The `data` of subscription_succeeded: every id has its key in `hash`, infos are passed on as JSON text. */
export function roster(members: readonly Member[]): string {
  let text = rosters.get(members);
  if (text === undefined) {
    text = encode(members);
    rosters.set(members, text);
  }
  return text;
}

function encode(members: readonly Member[]): string {
  const ids = members.map(({ userId }) => JSON.stringify(userId));
  const hash = members.map(({ info }, index) => `${ids[index]}:${info}`);
  return `{"presence":{"count":${members.length},"ids":[${ids}],"hash":{${hash}}}}`;
}
