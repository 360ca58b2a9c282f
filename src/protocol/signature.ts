// Signatures of channel joins, sign-ins and API requests (auth.md). HMAC-SHA256 in lower-case hex over the bytes as
// transmitted; every comparison is in constant time.
import { isUtf8 } from 'node:buffer';
import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import { RequestError } from './errors.ts';
import { EMBEDDED_DATA_BYTES, TIMESTAMP_WINDOW_SECONDS } from './limits.ts';
import type { Query } from './query.ts';

/** An app's key pair. */
export interface Credentials {
  readonly key: string;
  readonly secret: string;
}

export function hmacHex(secret: string, text: string | Buffer): string {
  return createHmac('sha256', secret).update(text).digest('hex');
}

export function md5Hex(bytes: Buffer): string {
  return hash('md5', bytes);
}

/** Takes the same time wherever the texts differ; their lengths are not secret. */
export function equalInConstantTime(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

/** The token a backend hands to a client: `{key}:{signature}` (auth.md §1). */
export function sign({ key, secret }: Credentials, text: string): string {
  return `${key}:${hmacHex(secret, text)}`;
}

/** The text that is signed for a channel join. */
export function channelText(socketId: string, channel: string, channelData: string | undefined): string {
  return channelData === undefined ? `${socketId}:${channel}` : `${socketId}:${channel}:${channelData}`;
}

/** The text that is signed for a sign-in. */
export function userText(socketId: string, userData: string): string {
  return `${socketId}::user::${userData}`;
}

/** Whether `auth` is this app's token for `text`. The key is compared too: another app's token is refused. */
export function isSigned(credentials: Credentials, auth: string, text: string): boolean {
  const colon = auth.indexOf(':');
  if (colon < 0 || auth.slice(0, colon) !== credentials.key) return false;
  return equalInConstantTime(auth.slice(colon + 1), hmacHex(credentials.secret, text));
}

/**
 * A token that carries its channel_data, for clients that do not forward it on private channels:
 * `{key}:{signature}:{channel_data in base64url}`. The signature is that of the same token without it.
 */
export function signGrant(credentials: Credentials, socketId: string, channel: string, channelData: string): string {
  const token = sign(credentials, channelText(socketId, channel, channelData));
  return `${token}:${Buffer.from(channelData).toString('base64url')}`;
}

/** A token, and the channel_data it carried. */
export interface ReadGrant {
  readonly token: string;
  readonly channelData?: string;
}

const EMBEDDED = /^([^:]*:[0-9a-f]{64}):([A-Za-z0-9_-]+)$/;

/**
 * Takes a token of `signGrant` apart; nothing is verified. Everything else is left as it came: a token with data that is
 * too large, or not the one base64url of UTF-8, is none that any text is signed by.
 */
export function readGrant(auth: string): ReadGrant {
  const [, token, text] = EMBEDDED.exec(auth) ?? [];
  if (token === undefined || text === undefined) return { token: auth };
  const bytes = Buffer.from(text, 'base64url');
  const isData = bytes.length <= EMBEDDED_DATA_BYTES && isUtf8(bytes) && bytes.toString('base64url') === text;
  return isData ? { token, channelData: bytes.toString() } : { token: auth };
}

/** What an API request's signature covers. */
export interface SignedRequest {
  readonly method: string;
  /** The paths the sender may have signed, likeliest first: as sent, without or with a prefix, decoded. */
  readonly paths: () => Iterable<string>;
  readonly query: Query;
  /** The bytes as received. */
  readonly body: Buffer;
}

/**
 * Returns when the request is signed by `credentials` (auth.md §4.3).
 * @throws RequestError 401 that says which part differs, never the secret or the signature that would be right.
 */
export function verifyRequest(credentials: Credentials, request: SignedRequest, nowMs: number): void {
  const { query } = request;
  const key = query.get('auth_key');
  if (key === undefined) throw refused('Missing parameter: auth_key');
  if (key !== credentials.key) throw refused(`Unknown auth_key: ${key} is not a key of this app`);
  checkVersion(query.get('auth_version'));
  checkTimestamp(query.get('auth_timestamp'), nowMs);
  const signature = query.get('auth_signature');
  if (signature === undefined) throw refused('Missing parameter: auth_signature');
  checkBody(query.get('body_md5'), request.body);
  for (const text of query.signedTexts()) {
    for (const path of request.paths()) {
      const signed = hmacHex(credentials.secret, `${request.method}\n${path}\n${text}`);
      if (equalInConstantTime(signed, signature)) return;
    }
  }
  throw invalidSignature(request, signature);
}

function checkVersion(version: string | undefined): void {
  if (version === undefined) throw refused('Version required: send auth_version=1.0');
  if (version !== '1.0') throw refused(`Version not supported: auth_version is ${version}, 1.0 is expected`);
}

function checkTimestamp(text: string | undefined, nowMs: number): void {
  if (text === undefined) throw refused('Timestamp required: send auth_timestamp in Unix seconds');
  if (!/^\d{1,12}$/.test(text)) throw refused('Timestamp required: auth_timestamp must be Unix seconds, in digits');
  const nowSeconds = Math.floor(nowMs / 1000);
  const skewSeconds = Number(text) - nowSeconds;
  if (Math.abs(skewSeconds) < TIMESTAMP_WINDOW_SECONDS) return;
  const given = isoSeconds(Number(text));
  const off = `${Math.abs(skewSeconds)} seconds ${skewSeconds < 0 ? 'behind' : 'ahead'}`;
  throw refused(
    `Timestamp expired: Given timestamp (${given}) not within ${TIMESTAMP_WINDOW_SECONDS}s of server time ` +
      `(${isoSeconds(nowSeconds)}): the sender's clock is ${off}`,
  );
}

function isoSeconds(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}

function checkBody(digest: string | undefined, body: Buffer): void {
  if (digest === undefined) {
    if (body.length > 0) throw refused('Missing parameter: body_md5 (the request has a body)');
    return;
  }
  const actual = md5Hex(body);
  // No secret is compared: anybody can make the digest.
  if (digest.toLowerCase() !== actual) {
    throw refused(
      `Invalid body_md5: the ${body.length} bytes received have MD5 ${actual}, but you sent ${digest}. ` +
        'The body was changed on its way, or the digest was made of other bytes.',
    );
  }
}

/** Hosted Pusher's text: it shows what was seen, so that a lost prefix or parameter is found at a glance. */
function invalidSignature({ method, paths, query }: SignedRequest, signature: string): RequestError {
  const [path] = paths();
  const [text] = query.signedTexts();
  const seen = JSON.stringify(`${method}\n${path}\n${text}`);
  return refused(
    `Invalid signature: you should have sent HmacSHA256Hex(${seen}, your_secret_key), but you sent "${signature}". ` +
      `Path seen: ${path}`,
  );
}

function refused(text: string): RequestError {
  return new RequestError(401, text);
}
