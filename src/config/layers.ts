// The layers above the file: environment variables, flags, and what --dev assumes.
import { isUnset } from './apps.ts';
import { type Draft, pathText, type Source } from './draft.ts';
import type { Environment } from './environment.ts';
import {
  appVariables,
  configKeys,
  configVariables,
  type Key,
  laravelVariables,
  otherVariables,
  parseBoolean,
  parseValue,
} from './keys.ts';
import { nearestName } from './nearest.ts';

/** What the command line may say about the configuration, as it was typed. */
export interface Flags {
  readonly config?: string | undefined;
  readonly envFile?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: string | undefined;
  readonly path?: string | undefined;
  readonly workers?: string | undefined;
  readonly logLevel?: string | undefined;
  readonly dev?: boolean | undefined;
}

/** A FANFARE_* variable that means nothing is a slip that would go unnoticed. */
export function refuseUnknownVariables(environment: Environment, refuse: (mistake: string) => void): void {
  const known = new Set<string>([...configVariables.keys(), ...appVariables.keys(), ...otherVariables]);
  for (const { name, source } of environment.values()) {
    if (!name.startsWith('FANFARE_') || known.has(name)) continue;
    const meant = nearestName(name, known);
    refuse(`${source.where}: unknown variable${meant === undefined ? '' : `, did you mean ${meant}?`}`);
  }
}

/** Everything but the apps; FANFARE_* names over those of a Laravel .env. */
export function applyVariables(draft: Draft, environment: Environment, refuse: (mistake: string) => void): void {
  const byPath = new Map<string, Key>(configKeys.map((key) => [pathText(key.path), key]));
  const scaling = environment.get('REVERB_SCALING_ENABLED');
  if (scaling !== undefined && !isUnset(scaling.value)) {
    const on = parseBoolean(scaling.value);
    if (on === undefined)
      refuse(`${scaling.source.where}: expected true or false, got ${JSON.stringify(scaling.value)}`);
    if (on) draft.set(['adapter'], 'redis', scaling.source);
  }
  const set = (name: string, key: Key | undefined, isLaravel: boolean) => {
    const variable = environment.get(name);
    if (variable === undefined || key === undefined || (isLaravel && isUnset(variable.value))) return;
    draft.set(key.path, parseValue(key, variable.value), variable.source);
  };
  for (const [name, path] of laravelVariables) set(name, byPath.get(pathText(path)), true);
  for (const [name, key] of configVariables) set(name, key, false);
}

const FLAGS = [
  ['--host', 'host', ['host']],
  ['--port', 'port', ['port']],
  ['--path', 'path', ['path']],
  ['--workers', 'workers', ['workers']],
  ['--log-level', 'logLevel', ['log', 'level']],
] as const;

export function applyFlags(draft: Draft, flags: Flags): void {
  for (const [where, name, path] of FLAGS) {
    const text = flags[name];
    const key = configKeys.find((key) => pathText(key.path) === pathText(path));
    if (text !== undefined && key !== undefined) draft.set(path, parseValue(key, text), { kind: 'flag', where });
  }
}

/** What --dev assumes where nobody said otherwise. */
export function applyDevelopmentDefaults(draft: Draft): void {
  const source: Source = { kind: 'development' };
  if (draft.source(['host']) === undefined) draft.set(['host'], '127.0.0.1', source);
  if (draft.source(['log', 'format']) === undefined) draft.set(['log', 'format'], 'pretty', source);
}
