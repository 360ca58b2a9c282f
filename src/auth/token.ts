// Where a request carries its bearer token: the Authorization header (RFC 6750 §2.1), else a cookie. Pure.
import type { Caller } from '../core/authorization.ts';

const BEARER = /^bearer +(\S+) *$/i;

/** undefined when there is none; what it looks like is not checked. */
export function tokenIn(headers: Caller['headers'], cookie: string | undefined): string | undefined {
  const { authorization, cookie: cookies } = headers;
  const [, token] = BEARER.exec(String(authorization ?? '')) ?? [];
  if (token !== undefined || cookie === undefined) return token;
  return cookieIn(String(cookies ?? ''), cookie);
}

/** The first cookie of this name (RFC 6265 §4.2.1), unquoted and percent-decoded; undefined when it is empty. */
function cookieIn(cookies: string, name: string): string | undefined {
  for (const pair of cookies.split(';')) {
    const equals = pair.indexOf('=');
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
    const value = pair.slice(equals + 1).trim();
    return decoded(value.replace(/^"(.*)"$/, '$1')) || undefined;
  }
  return undefined;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
