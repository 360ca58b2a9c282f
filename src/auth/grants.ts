// What a client is handed to join or sign in with: channel_data, user_data and their signatures (auth.md §1, §3). Pure.
import { createHash } from 'node:crypto';
import type { App } from '../core/app.ts';
import type { ChannelGrant, UserGrant } from '../core/authorization.ts';
import { channelKind, isEncrypted, isUserId } from '../protocol/channel-name.ts';
import { writeJson } from '../protocol/json.ts';
import { hasMoreCharacters } from '../protocol/length.ts';
import { USER_ID_LENGTH } from '../protocol/limits.ts';
import { channelText, sign, signGrant, userText } from '../protocol/signature.ts';
import { type KnownUser, textOf } from './claims.ts';
import { refusals } from './refusals.ts';

/** Whom a grant is for. */
export interface Bearer {
  readonly user: KnownUser;
  /** Unix seconds from which the user is not known any more. */
  readonly expiresAt: number | undefined;
}

/**
 * The grant for one channel. On presence channels it names the member; elsewhere it is as `grants` of the app says:
 * plain, with the user's id, or with that and the time it ends.
 * @throws RequestError 403 when a presence channel would have no member, or an encrypted one no secret
 */
export function grantChannel(app: App, socketId: string, channel: string, bearer: Bearer): ChannelGrant {
  const secret = isEncrypted(channel) ? { shared_secret: sharedSecret(app, channel) } : {};
  const data = channelData(app, channel, bearer);
  if (data === undefined) return { auth: sign(app, channelText(socketId, channel, undefined)), ...secret };
  if (channelKind(channel).presence)
    return { auth: sign(app, channelText(socketId, channel, data)), channel_data: data };
  return { auth: signGrant(app, socketId, channel, data), channel_data: data, ...secret };
}

function channelData(app: App, channel: string, { user, expiresAt }: Bearer): string | undefined {
  const { grants = 'plain' } = app.auth ?? {};
  const end = grants === 'expiring' && expiresAt !== undefined ? { exp: expiresAt } : {};
  const id = checkedId(user.id);
  if (channelKind(channel).presence) {
    if (id === undefined) throw refusals.noUser(channel);
    const info = user.info ?? {};
    checkInfo(info, app.limits.memberInfoBytes);
    return JSON.stringify({ user_id: id, user_info: info, ...end });
  }
  if (grants === 'plain' || (id === undefined && !('exp' in end))) return undefined;
  return JSON.stringify({ ...(id !== undefined && { user_id: id }), ...end });
}

function checkedId(id: string | undefined): string | undefined {
  if (id !== undefined && hasMoreCharacters(id, USER_ID_LENGTH)) throw refusals.userId(USER_ID_LENGTH);
  return id;
}

/** As the join would: better refused here, where the reason reaches whoever asks. */
function checkInfo(info: unknown, limitBytes: number): void {
  const text = writeJson(info);
  if (text === undefined || Buffer.byteLength(text) > limitBytes) throw refusals.infoTooLarge(limitBytes);
}

/** auth.md §3.2: derived anew for each channel; the server itself never uses it. */
function sharedSecret({ encryptionMasterKey }: App, channel: string): string {
  if (encryptionMasterKey === undefined) throw refusals.noMasterKey();
  return createHash('sha256').update(channel).update(Buffer.from(encryptionMasterKey, 'base64')).digest('base64');
}

/**
 * The grant for a sign-in.
 * @throws RequestError 403 without a user, or with one whose id the protocol cannot take
 */
export function grantUser(app: App, socketId: string, { id, info, watchlist }: KnownUser): UserGrant {
  if (id === undefined) throw refusals.noSignInUser();
  if (!isUserId(id) || hasMoreCharacters(id, USER_ID_LENGTH)) throw refusals.signInId();
  const watched = watchlist?.map(textOf).filter((text) => text !== undefined);
  const data = JSON.stringify({
    id,
    ...(info !== undefined && info !== null && { user_info: info }),
    ...(watched !== undefined && { watchlist: watched }),
  });
  return { auth: sign(app, userText(socketId, data)), user_data: data };
}
