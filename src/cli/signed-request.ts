// The sender's side of an API request's signature (auth.md §4), against any Pusher-compatible server.
import { hmacHex, md5Hex } from '../protocol/signature.ts';

export interface SignedRequestOptions {
  /** http(s)://host:port/prefix; the prefix is not signed. */
  readonly url: string;
  readonly key: string;
  readonly secret: string;
  readonly method: 'GET' | 'POST';
  /** `/apps/{id}/…` */
  readonly path: string;
  readonly body: string;
  readonly nowMs: number;
}

/** The URL with its signature; good for 600 seconds around `nowMs`, for exactly this body. */
export function signedUrl({ url, key, secret, method, path, body, nowMs }: SignedRequestOptions): string {
  const parameters = [
    ['auth_key', key],
    ['auth_timestamp', String(Math.floor(nowMs / 1000))],
    ['auth_version', '1.0'],
    ['body_md5', md5Hex(Buffer.from(body))],
  ] as const;
  const signed = parameters.map(([name, value]) => `${name}=${value}`).join('&');
  const sent = parameters.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  return `${url}${path}?${sent}&auth_signature=${hmacHex(secret, `${method}\n${path}\n${signed}`)}`;
}
