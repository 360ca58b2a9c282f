// The key pairs of an app: which are good, and whether one of them signed something. Pure: the clock is handed in.
import { type Credentials, isSigned } from '../protocol/signature.ts';
import type { App } from './app.ts';

/** Who is asked for its pairs. */
type Owner = Pick<App, 'key' | 'secret' | 'keys'>;
type Pair = App['keys'][number];

/** The pairs that are good at this moment: the current one, which we sign with, and then the newest first. */
export function pairsOf(app: Owner, nowMs: number): readonly Credentials[] {
  return app.keys.length === 0 ? [app] : [app, ...app.keys.filter((pair) => isGood(pair, nowMs))];
}

/** The pair with this key, if it is good at this moment. */
export function pairOf(app: Owner, key: string, nowMs: number): Credentials | undefined {
  if (key === app.key) return app;
  return app.keys.find((pair) => pair.key === key && isGood(pair, nowMs));
}

/** Since when a pair of the app is not good any more, as it was written; undefined where that is not so. */
export function endOfKey(app: Owner, key: string, nowMs: number): string | undefined {
  const pair = app.keys.find((pair) => pair.key === key);
  return pair === undefined || isGood(pair, nowMs) ? undefined : pair.notAfter;
}

/** Every key of the app, good or not, as often as it is there. */
export function keysOf({ key, keys }: Pick<Owner, 'key' | 'keys'>): string[] {
  return [key, ...keys.map((pair) => pair.key)];
}

/** Whether `auth` is a token for `text` by any pair that is good at this moment. */
export function isSignedBy(app: Owner, auth: string, text: string, nowMs: number): boolean {
  if (app.keys.length === 0) return isSigned(app, auth, text);
  return pairsOf(app, nowMs).some((pair) => isSigned(pair, auth, text));
}

function isGood({ notAfter }: Pair, nowMs: number): boolean {
  return notAfter === undefined || nowMs <= Date.parse(notAfter);
}
