// Apps out of the environment, under Fanfare's own names or those of Laravel's and soketi's .env files, and the
// development app.
import type { z } from 'zod';
import type { appSchema } from '../core/app.ts';
import { publicSecrets } from '../core/public-secrets.ts';
import type { Draft, Path, Source } from './draft.ts';
import { mistakeText } from './draft.ts';
import type { Environment, Variable } from './environment.ts';
import { appVariables, parseValue } from './keys.ts';
import { plainTree } from './tree.ts';

/** What tokens of the development app's users are signed with. */
export const developmentTokenSecret = publicSecrets.tokenSecret;

/** The development app: everything on that a stock client can use. Its secrets are public. */
export const developmentApp = {
  id: 'app-id',
  key: 'app-key',
  secret: publicSecrets.secret,
  name: 'development',
  clientEvents: true,
  subscriptionCount: true,
  watchlists: true,
  encryptionMasterKey: publicSecrets.masterKey,
  auth: {
    bearer: {
      secret: developmentTokenSecret,
      userInfo: { name: 'name', firstName: 'firstName', lastName: 'lastName' },
    },
    rules: [{ channel: '*', allow: 'authenticated' }],
    grants: 'expiring',
  },
} satisfies z.input<typeof appSchema>;

type Refuse = (mistake: string) => void;

/** The prefixes that `…_ID`, `…_KEY` and `…_SECRET` come with, the one that wins first. */
const FAMILIES = ['FANFARE_APP', 'REVERB_APP', 'PUSHER_APP', 'SOKETI_DEFAULT_APP'] as const;
type Family = (typeof FAMILIES)[number];
const TRIO = ['id', 'key', 'secret'] as const;

/** The three variables of one family, those that are set. */
type Trio = Readonly<Partial<Record<(typeof TRIO)[number], Variable>>>;

/**
 * Adds and amends apps. A family whose id an app already has amends that app; any other adds one; FANFARE_APP_*
 * without an id amends the only app there is.
 * @returns false when the environment describes an app that had to be refused.
 */
export function applyApps(draft: Draft, environment: Environment, development: boolean, refuse: Refuse): boolean {
  let complete = true;
  const refuseApp: Refuse = (mistake) => {
    complete = false;
    refuse(mistake);
  };
  replaceAll(draft, environment, refuseApp);
  for (const family of FAMILIES.filter((family) => family !== 'FANFARE_APP').reverse()) {
    const trio = trioOf(environment, family);
    if (isComplete(trio)) amend(draft, indexOf(draft, trio.id?.value) ?? appsOf(draft).length, trio);
    else if (isBegun(trio)) refuseApp(missingText(family, trio, trioNames(family, trio)));
  }
  applyOwnNames(draft, environment, development, refuseApp);
  if (development) addDevelopmentApp(draft);
  return complete;
}

/** The id, key and secret the environment names, of the family that wins among the complete ones. */
export function credentialsOf(environment: Environment): Partial<Record<'id' | 'key' | 'secret', string>> {
  const trios = FAMILIES.map((family) => trioOf(environment, family));
  const trio = trios.find(isComplete) ?? trios.find(isBegun) ?? {};
  return Object.fromEntries(Object.entries(trio).map(([name, variable]) => [name, variable?.value]));
}

/** FANFARE_APPS, a JSON array, stands for the file's whole list. */
function replaceAll(draft: Draft, environment: Environment, refuse: Refuse): void {
  const variable = environment.get('FANFARE_APPS');
  if (variable === undefined) return;
  let apps: unknown;
  try {
    apps = JSON.parse(variable.value);
  } catch {
    apps = undefined;
  }
  if (!Array.isArray(apps)) {
    refuse(mistakeText(['apps'], variable.source, 'expected a JSON array of apps'));
    return;
  }
  const tree = plainTree(apps, (path, text) => refuse(mistakeText(path, variable.source, text)), ['apps']);
  draft.set(['apps'], tree, variable.source);
}

function applyOwnNames(draft: Draft, environment: Environment, development: boolean, refuse: Refuse): void {
  const set = [...environment.values()].filter(({ name }) => appVariables.has(name));
  const [first] = set;
  if (first === undefined) return;
  const trio = trioOf(environment, 'FANFARE_APP');
  const apps = appsOf(draft);
  const anonymous = trio.id === undefined && trio.key === undefined && trio.secret === undefined;
  if (development && anonymous && apps.length === 0) addDevelopmentApp(draft);
  const index = trio.id === undefined ? onlyIndex(draft) : indexOf(draft, trio.id.value);
  if (index === undefined && trio.id === undefined && apps.length > 1) {
    refuse(`${first.name}: there are ${apps.length} apps, set FANFARE_APP_ID to say which one is meant`);
    return;
  }
  if (index === undefined && !isComplete(trio)) {
    refuse(
      missingText(
        'FANFARE_APP',
        trio,
        set.map(({ name }) => name),
      ),
    );
    return;
  }
  const target = index ?? apps.length;
  for (const { name, value, source } of set) {
    const key = appVariables.get(name);
    if (key === undefined || !Array.isArray(draft.get(['apps']) ?? [])) continue;
    setInApp(draft, target, key.path, parseValue(key, value), source);
  }
  dropDevelopmentTokenSecret(draft, target);
}

/** One key checks tokens: the development app's gives way to one that a variable names. */
function dropDevelopmentTokenSecret(draft: Draft, index: number): void {
  const bearer: Path = ['apps', index, 'auth', 'bearer'];
  const isNamed = ['publicKey', 'publicKeyFile', 'jwksUrl'].some((name) => draft.get([...bearer, name]) !== undefined);
  const source = draft.source([...bearer, 'secret']);
  if (isNamed && source?.kind === 'development') draft.set([...bearer, 'secret'], undefined, source);
}

/** Unless the configuration has an app of that id or key itself. */
function addDevelopmentApp(draft: Draft): void {
  const isTaken = appsOf(draft).some((app) => app?.id === developmentApp.id || app?.key === developmentApp.key);
  if (isTaken || !Array.isArray(draft.get(['apps']) ?? [])) return;
  const index = appsOf(draft).length;
  // A copy, as variables may amend it.
  for (const [name, value] of Object.entries(structuredClone(developmentApp))) {
    setInApp(draft, index, [name], value, { kind: 'development' });
  }
}

function amend(draft: Draft, index: number, trio: Trio): void {
  if (!Array.isArray(draft.get(['apps']) ?? [])) return;
  for (const name of TRIO) {
    const variable = trio[name];
    if (variable !== undefined) setInApp(draft, index, [name], variable.value, variable.source);
  }
}

function setInApp(draft: Draft, index: number, path: Path, value: unknown, source: Source): void {
  if (draft.get(['apps']) === undefined) draft.set(['apps'], [], source);
  if (draft.get(['apps', index]) === undefined) draft.set(['apps', index], {}, source);
  draft.set(['apps', index, ...path], value, source);
}

type RawApp = Readonly<Record<string, unknown>> | null | undefined;

function appsOf(draft: Draft): readonly RawApp[] {
  const apps = draft.get(['apps']);
  return Array.isArray(apps) ? (apps as RawApp[]) : [];
}

function indexOf(draft: Draft, id: string | undefined): number | undefined {
  const index = appsOf(draft).findIndex((app) => app?.id !== undefined && String(app.id) === id);
  return index < 0 ? undefined : index;
}

function onlyIndex(draft: Draft): number | undefined {
  return appsOf(draft).length === 1 ? 0 : undefined;
}

/** In the Laravel families "null" and "empty" mean not set, as they do to Laravel's env(). */
function trioOf(environment: Environment, family: Family): Trio {
  const trio: Partial<Record<keyof Trio, Variable>> = {};
  for (const name of TRIO) {
    const variable = environment.get(`${family}_${name.toUpperCase()}`);
    if (variable !== undefined && (family === 'FANFARE_APP' || !isUnset(variable.value))) trio[name] = variable;
  }
  return trio;
}

/** Whether the text means "no value" in a Laravel .env file. */
export function isUnset(value: string): boolean {
  return ['null', '(null)', 'empty', '(empty)'].includes(value.trim().toLowerCase());
}

function isComplete(trio: Trio): boolean {
  return TRIO.every((name) => trio[name] !== undefined);
}

function isBegun(trio: Trio): boolean {
  return TRIO.some((name) => trio[name] !== undefined);
}

function trioNames(family: Family, trio: Trio): string[] {
  return TRIO.filter((name) => trio[name] !== undefined).map((name) => `${family}_${name.toUpperCase()}`);
}

function missingText(family: Family, trio: Trio, set: readonly string[]): string {
  const missing = TRIO.filter((name) => trio[name] === undefined).map((name) => `${family}_${name.toUpperCase()}`);
  const not = missing.length === 1 ? 'is not set' : 'are not set';
  return `${list(missing)} ${not}, but ${list(set)} ${set.length === 1 ? 'is' : 'are'}: an app needs an id, a key and a secret`;
}

function list(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
