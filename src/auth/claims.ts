// What is known of a user: the claims of a token, or the fields of the application's answer. Pure.
import type { BearerSettings } from '../core/app-auth.ts';

export type Claims = Readonly<Record<string, unknown>>;

/** A user as channel_data and user_data name them. */
export interface KnownUser {
  readonly id: string | undefined;
  /** undefined: none is given. */
  readonly info: unknown;
  readonly watchlist: readonly unknown[] | undefined;
}

/**
 * The claim of exactly this name, else the one at this path of names joined by dots; undefined when there is none. What
 * a list holds is not at a path: a rule takes all of it.
 */
export function claimAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const part of name.split('.')) {
    if (!isClaims(value) || !Object.hasOwn(value, part)) return undefined;
    value = value[part];
  }
  return value;
}

function isClaims(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Who the claims say the user is, by the app's mapping; claims that are missing are left out of `info`. */
export function userOf(
  claims: Claims,
  { userId, userInfo, watchlist }: Pick<BearerSettings, 'userId' | 'userInfo' | 'watchlist'>,
): KnownUser {
  const info = Object.entries(userInfo)
    .map(([name, claim]) => [name, claimAt(claims, claim)] as const)
    .filter(([, value]) => value !== undefined);
  const watched = watchlist === undefined ? undefined : claimAt(claims, watchlist);
  return {
    id: textOf(claimAt(claims, userId)),
    info: Object.keys(userInfo).length === 0 ? undefined : Object.fromEntries(info),
    watchlist: Array.isArray(watched) ? watched : undefined,
  };
}

/** Of two ends, either of which may be never. */
export function earlier(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
}

/** Strings and finite numbers name something; everything else, "" included, names nothing. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}
