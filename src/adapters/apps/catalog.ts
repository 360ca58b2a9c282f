// What the records of a source come to: the apps that serve, and those that are refused with the reason. Pure.
import { type App, appSchema } from '../../core/app.ts';
import type { RefusedApp, StoredApp } from '../../core/app-store.ts';
import { keysOf } from '../../core/key-pairs.ts';
import { publicSecretIn } from '../../core/public-secrets.ts';
import { readPublicKey } from '../../core/token-key.ts';
import type { AppRecord } from './source.ts';

export interface Refused extends RefusedApp {
  readonly version: string;
}

/** Replaced as a whole, never changed. */
export interface Catalog {
  /** As they came, by id; of several with one id, the first. */
  readonly records: ReadonlyMap<string, AppRecord>;
  readonly byId: ReadonlyMap<string, StoredApp>;
  /** By any key of theirs, good or not. */
  readonly byKey: ReadonlyMap<string, App>;
  readonly refused: readonly Refused[];
}

export const NOTHING: Catalog = { records: new Map(), byId: new Map(), byKey: new Map(), refused: [] };

export interface Rules {
  /** On a development server an app may have secrets that everybody knows. */
  readonly development: boolean;
}

/**
 * In the order of their ids, so that all nodes come to the same: of two apps with one key the first has it.
 * @param before what was made of the last records: what has the same version is not read again, and stays the same object
 */
export function catalogOf(records: Iterable<AppRecord>, before: Catalog, rules: Rules): Catalog {
  const byRecord = new Map<string, AppRecord>();
  const byId = new Map<string, StoredApp>();
  const byKey = new Map<string, App>();
  const refused: Refused[] = [];
  for (const record of [...records].sort((a, b) => compare(a.id, b.id))) {
    const { id, version } = record;
    const refuse = (reason: string) => refused.push({ id, reason, version });
    if (byRecord.has(id)) {
      refuse('another record has this id too');
      continue;
    }
    byRecord.set(id, record);
    const app = appOf(record, before, rules);
    const reason = typeof app === 'string' ? app : keyTaken(app, byKey);
    if (typeof app === 'string' || reason !== undefined) {
      refuse(reason ?? '');
      continue;
    }
    byId.set(id, { app, version });
    for (const key of keysOf(app)) byKey.set(key, app);
  }
  return { records: byRecord, byId, byKey, refused };
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** @returns why it is none, where it is none */
function appOf({ id, value, version }: AppRecord, before: Catalog, rules: Rules): App | string {
  const known = before.byId.get(id);
  if (known?.version === version) return known.app;
  const app = readApp(value, rules);
  if (typeof app === 'string' || app.id === id) return app;
  return `id: is ${app.id}, but it is stored as ${id}`;
}

/** An app, or why the value is none: in one sentence that holds no value of a secret. */
export function readApp(value: unknown, { development }: Rules): App | string {
  const parsed = appSchema.safeParse(value);
  if (!parsed.success) {
    return parsed.error.issues.map(({ path, message }) => [...path.map(String), message].join(': ')).join('; ');
  }
  const app = parsed.data;
  const keys = keysOf(app);
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice !== undefined) return `keys: ${twice} is there twice`;
  return tokenKeyMistake(app) ?? (development ? undefined : publicSecretIn(app)) ?? deepFrozen(app);
}

/** What `fanfare check` finds in a configuration, as nothing may be wrong with it when the first token is checked. */
function tokenKeyMistake({ auth }: App): string | undefined {
  const pem = auth?.bearer?.publicKey;
  if (pem === undefined) return undefined;
  try {
    readPublicKey(pem);
    return undefined;
  } catch (err) {
    return `auth: bearer: publicKey: ${(err as Error).message}`;
  }
}

function keyTaken(app: App, byKey: ReadonlyMap<string, App>): string | undefined {
  const key = keysOf(app).find((key) => byKey.has(key));
  return key === undefined ? undefined : `the key ${key} is one of the app ${byKey.get(key)?.id} already`;
}

function deepFrozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFrozen);
  return value;
}
