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

/** The claim of exactly this name, else the one at this path of names joined by dots; undefined when there is none. */
export function claimAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Claims)[part];
  }
  return value;
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

/** Strings and finite numbers name something; everything else, "" included, names nothing. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}
