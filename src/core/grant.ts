// What a join is granted: whether at all, as whom, and until when; from its signature, and the channel_data this covers.
// Pure: the clock is handed in.
import { z } from 'zod';
import { channelKind, serverToUserId } from '../protocol/channel-name.ts';
import type { ClientMessage } from '../protocol/client-message.ts';
import { failures, refusedJoin, unauthorized } from '../protocol/errors.ts';
import { readJson } from '../protocol/json.ts';
import { hasMoreCharacters } from '../protocol/length.ts';
import { USER_ID_LENGTH } from '../protocol/limits.ts';
import { channelText, readGrant } from '../protocol/signature.ts';
import type { Connection } from './connection.ts';
import { isSignedBy } from './key-pairs.ts';
import type { Member } from './ports.ts';
import { memberOf } from './presence.ts';

export type SubscribeMessage = Extract<ClientMessage, { type: 'subscribe' }>;

export interface Grant {
  /** On presence channels. */
  readonly member: Member | undefined;
  /** The member; on other guarded channels the user whom channel_data names. */
  readonly userId: string | undefined;
  /** When it is over, in ms since 1970; undefined: never. */
  readonly endsAtMs: number | undefined;
}

const UNGUARDED: Grant = { member: undefined, userId: undefined, endsAtMs: undefined };

/** Of whatever a signature covers; what is no object says nothing. */
const signedData = z.object({ exp: z.unknown().optional(), user_id: z.unknown().optional() }).catch({});

/** @throws ProtocolError, never fatal: not signed, already over, or with an exp, user or info that cannot be used. */
export function grantOf(
  connection: Pick<Connection, 'app' | 'user' | 'socketId'>,
  message: SubscribeMessage,
  nowMs: number,
): Grant {
  const { app, user } = connection;
  const { channel } = message;
  const ownUser = serverToUserId(channel);
  if (ownUser !== undefined && ownUser !== user?.id) throw unauthorized(channel, app.strict);
  const kind = channelKind(channel);
  if (!kind.guarded) return UNGUARDED;
  const data = verifiedData(connection, message, nowMs);
  const { exp, user_id } = signedData.parse(data === undefined ? {} : readJson(data));
  const endsAtMs = endOf(channel, exp);
  if (endsAtMs !== undefined && endsAtMs <= nowMs) throw refusedJoin(failures.grantExpired(channel));
  if (!kind.presence) return { member: undefined, userId: namedUser(channel, user_id), endsAtMs };
  const member = memberOf(channel, data, user, app.limits.memberInfoBytes);
  return { member, userId: member.userId, endsAtMs };
}

/**
 * The channel_data the signature covers, forwarded by the client or part of the token. On channels without presence a
 * token that was signed without it is taken as well, and the data, which nobody vouches for, is dropped (auth.md §2).
 */
function verifiedData(
  { app, socketId }: Pick<Connection, 'app' | 'socketId'>,
  { channel, auth, channelData }: SubscribeMessage,
  nowMs: number,
): string | undefined {
  const { token, channelData: data = channelData } = readGrant(auth);
  const agree = channelData === undefined || channelData === data;
  if (agree && isSignedBy(app, token, channelText(socketId, channel, data), nowMs)) return data;
  if (channelData !== undefined && !channelKind(channel).presence) {
    if (isSignedBy(app, auth, channelText(socketId, channel, undefined), nowMs)) return undefined;
  }
  throw unauthorized(channel, app.strict);
}

function endOf(channel: string, exp: unknown): number | undefined {
  if (exp === undefined) return undefined;
  if (typeof exp !== 'number' || !Number.isFinite(exp) || exp <= 0) throw refusedJoin(failures.exp(channel));
  return exp * 1000;
}

/** A name that nobody could be found by is refused: such a grant could not be revoked. */
function namedUser(channel: string, userId: unknown): string | undefined {
  if (userId === undefined || userId === null) return undefined;
  const id = typeof userId === 'number' ? String(userId) : userId;
  if (typeof id !== 'string' || id === '' || hasMoreCharacters(id, USER_ID_LENGTH)) {
    throw refusedJoin(failures.userId(channel));
  }
  return id;
}
