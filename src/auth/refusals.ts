// Why somebody is not let in: status and text of every refusal, secret-free, one each. 401: who you are is not known;
// 403: known, but not allowed; 503: cannot be decided now, and then nobody is allowed.
import { RequestError } from '../protocol/errors.ts';

const CHALLENGE = { 'www-authenticate': 'Bearer' };
const INVALID_TOKEN = { 'www-authenticate': 'Bearer error="invalid_token"' };

const unknown = (text: string, headers: Readonly<Record<string, string>> = INVALID_TOKEN) =>
  new RequestError(401, text, headers);
const refused = (text: string) => new RequestError(403, text);
const unavailable = (text: string, retryAfterSeconds: number) =>
  new RequestError(503, text, { 'retry-after': String(Math.max(1, Math.ceil(retryAfterSeconds))) });

export const refusals = {
  noToken: () => unknown('No token: send it as Authorization: Bearer TOKEN.', CHALLENGE),
  notJwt: () => unknown('The token is not a JSON Web Token.'),
  tokenTooLarge: (limitBytes: number) => unknown(`The token is larger than ${limitBytes} bytes.`),
  expired: () => unknown('The token has expired.'),
  notYetValid: () => unknown('The token is not valid yet (nbf).'),
  issuedInFuture: () => unknown('The token was issued in the future (iat): a clock is wrong.'),
  issuer: () => unknown('The token is of another issuer (iss).'),
  audience: () => unknown('The token is for another audience (aud).'),
  algorithm: () => unknown('The token is signed with an algorithm (alg) that is not accepted.'),
  signature: () => unknown('The signature of the token is not valid.'),
  unknownKey: () => unknown('The token is signed with a key (kid) that is not known.'),
  malformedClaim: (claim: string) => unknown(`The token has no usable ${claim} claim.`),

  noRule: (channel: string) => refused(`No rule names the channel ${channel}.`),
  notCovered: (channel: string) => refused(`This user may not join the channel ${channel}.`),
  unguarded: (channel: string) => refused(`The channel ${channel} needs no authorization.`),
  unnamed: (claim: string) => refused(`The token names no user: it has no claim ${claim}.`),
  noUser: (channel: string) => refused(`The channel ${channel} needs a user, and the request names none.`),
  otherUser: () => refused('The application answered for another user than the token names.'),
  userId: (limit: number) => refused(`The user’s id must have 1 to ${limit} characters.`),
  signInId: () =>
    refused('This user’s id cannot sign in: it may have 1 to 128 characters of A-Z a-z 0-9 _ - = @ , . ;'),
  noSignInUser: () => refused('Nobody to sign in: the request names no user.'),
  signInNotConfigured: () => refused('Signing in is not configured: set auth.upstream.userUrl.'),
  infoTooLarge: (limitBytes: number) => refused(`The user’s user_info is larger than ${limitBytes} bytes.`),
  noMasterKey: () => refused('Encrypted channels are not configured: set encryptionMasterKey.'),
  otherApp: (socketId: string) => refused(`The socket ${socketId} is not connected to this app.`),
  denied: (channel: string, seconds: number) =>
    refused(`This user was removed from ${channel} and may join again in ${seconds} seconds.`),
  byUpstream: (status: number) => refused(`The application refused (${status}).`),
  endedByUpstream: () => refused('The application allowed this until a time (exp) that is past.'),
  unauthenticatedByUpstream: () => unknown('The application does not know this user (401).', CHALLENGE),

  keysUnavailable: (retryAfterSeconds: number) =>
    unavailable('The keys that tokens are checked with cannot be fetched. Try again later.', retryAfterSeconds),
  upstreamSlow: (seconds: number) => unavailable(`The application did not answer within ${seconds} seconds.`, 1),
  upstreamUnreachable: () => unavailable('The application cannot be reached.', 1),
  upstreamThrottled: (status: number, seconds: number) =>
    unavailable(`The application is asked too much, or too slowly (${status}).`, seconds),
  upstreamFailed: (status: number) => unavailable(`The application failed (${status}).`, 1),
  upstreamRedirected: (status: number) =>
    unavailable(`The application redirected (${status}) where it should have answered.`, 1),
  upstreamGarbage: () => unavailable('The application’s answer cannot be understood.', 1),
  upstreamBusy: () => unavailable('Too many requests wait for the application.', 1),
  upstreamBroken: (seconds: number) =>
    unavailable('The application failed several times and is left alone for a while.', seconds),
} as const;
