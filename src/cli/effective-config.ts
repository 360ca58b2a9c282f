// The effective configuration in columns: every key, its value, and where that came from. Secrets are masked.
import { type Source, sourceText } from '../config/draft.ts';
import type { LoadResult } from '../config/load.ts';
import { isSecret, isUrl, MASK, maskedUrl } from '../config/secrets.ts';

/** Keys of a group that is not there are one line, of the group. */
export function effectiveLines({ config, sources }: Extract<LoadResult, { ok: true }>): string[] {
  const rows = new Map<string, readonly [value: string, source: string]>();
  for (const [key, source] of sources) {
    const group = missingGroup(config, key);
    if (group === undefined) rows.set(key, [shown(key, valueAt(config, key)), sourceText(source)]);
    else rows.set(group, ['(not set)', sourceText({ kind: 'default' } satisfies Source)]);
  }
  const keyWidth = Math.max(...[...rows.keys()].map((key) => key.length));
  // One long value, such as a URL, should not push every source off the screen.
  const valueWidth = Math.min(44, Math.max(...[...rows.values()].map(([value]) => value.length)));
  return [...rows].map(([key, [value, source]]) => `${key.padEnd(keyWidth)}  ${value.padEnd(valueWidth)}  ${source}`);
}

/** `apps[0].auth` for `apps[0].auth.bearer.secret` when the app has no `auth`. */
function missingGroup(config: object, key: string): string | undefined {
  const groups = [...key.matchAll(/\./g)].map(({ index }) => key.slice(0, index));
  return groups.find((group) => valueAt(config, group) === undefined);
}

/** The inverse of pathText, for keys that exist. */
function valueAt(config: object, key: string): unknown {
  const parts = key.split(/[.[\]]+/).filter((part) => part !== '');
  return parts.reduce<unknown>((value, part) => (value as Record<string, unknown> | undefined)?.[part], config);
}

function shown(key: string, value: unknown): string {
  if (value === undefined) return '(not set)';
  const name = key.split('.').at(-1) ?? '';
  if (isSecret(name)) return MASK;
  if (isUrl(name)) return maskedUrl(String(value));
  if (Array.isArray(value)) return shownList(value);
  if (typeof value === 'object' && value !== null) return shownRecord(value);
  return value === '' ? '(empty)' : shownText(String(value));
}

/** What `fanfare check` explains below is only counted here. */
function shownList(items: readonly unknown[]): string {
  if (items.length === 0) return '(none)';
  if (items.every((item) => typeof item !== 'object')) return items.join(', ');
  if (items.every(isPair)) {
    return items.map(({ key, notAfter }) => (notAfter === undefined ? key : `${key} until ${notAfter}`)).join(', ');
  }
  return `(${items.length}, see below)`;
}

/** Of a key and a secret, which is not shown. */
function isPair(item: unknown): item is { readonly key: string; readonly notAfter?: string } {
  return typeof item === 'object' && item !== null && 'key' in item && 'secret' in item;
}

function shownRecord(record: object): string {
  const entries = Object.entries(record).map(([name, value]) => `${name}: ${value}`);
  return entries.length === 0 ? '(none)' : entries.join(', ');
}

/** Of several lines, such as a public key's, the first. */
function shownText(text: string): string {
  const [first = ''] = text.split(/\r?\n/, 1);
  return first === text ? text : `${first} …`;
}
