// Flags over FANFARE_* variables over a file over defaults → one frozen Config, or every mistake listed at once.
import { applyApps } from './apps.ts';
import { checkApps, checkTlsFiles, hasConfiguredApps } from './checks.ts';
import { Draft, type Path, pathText, type Source } from './draft.ts';
import { type Environment, type ProcessEnvironment, readEnvironment } from './environment.ts';
import { parseConfigFile } from './file.ts';
import { appKeys, configKeys, parseBoolean } from './keys.ts';
import { applyDevelopmentDefaults, applyFlags, applyVariables, type Flags, refuseUnknownVariables } from './layers.ts';
import { issueTexts } from './mistakes.ts';
import { type ReadFile, readText, readTextFile } from './read-file.ts';
import { type Config, configJsonSchema, configSchema } from './schema.ts';
import { checkTokenKeys } from './token-keys.ts';

export interface LoadOptions {
  readonly flags?: Flags;
  /** The process's environment. */
  readonly env: ProcessEnvironment;
  readonly readFile?: ReadFile;
  /** false: the apps may be missing, for commands that only need to know where the server is. */
  readonly needsApps?: boolean;
}

export type LoadResult =
  /** `sources` has every key that holds a value, by its path as text (`apps[0].id`). */
  | { readonly ok: true; readonly config: Config; readonly sources: ReadonlyMap<string, Source> }
  /** One line each, without secrets. */
  | { readonly ok: false; readonly mistakes: readonly string[] };

/** Reads the files the flags and the environment name, and nothing else. Never throws for a mistake of the user's. */
export function loadConfig({ flags = {}, env, readFile = readTextFile, needsApps = true }: LoadOptions): LoadResult {
  const mistakes: string[] = [];
  const refuse = (mistake: string) => void mistakes.push(mistake);
  const environment = readEnvironment(env, flags.envFile, readFile, refuse);
  const dev = isDevelopment(flags, environment, refuse);
  const draft = new Draft();
  let appsKnown = applyFile(draft, flags, environment, readFile, refuse);
  refuseUnknownVariables(environment, refuse);
  applyVariables(draft, environment, refuse);
  appsKnown = applyApps(draft, environment, dev.on && hasConfiguredApps(draft), refuse) && appsKnown;
  applyFlags(draft, flags);
  if (dev.on) applyDevelopmentDefaults(draft);

  const parsed = configSchema.safeParse(draft.root);
  if (!parsed.success) {
    const schema = configJsonSchema();
    mistakes.push(...parsed.error.issues.flatMap((issue) => issueTexts(issue, draft, schema)));
  }
  if (appsKnown && needsApps) checkApps(draft, dev.on, refuse);
  checkTlsFiles(draft, readFile, refuse);
  checkTokenKeys(draft, readFile, refuse);
  if (mistakes.length > 0 || !parsed.success) return { ok: false, mistakes };
  const config: Config = deepFreeze({ ...parsed.data, development: dev.on });
  return { ok: true, config, sources: sourcesOf(config, draft, dev.source) };
}

interface Development {
  readonly on: boolean;
  readonly source: Source;
}

function isDevelopment(flags: Flags, environment: Environment, refuse: (mistake: string) => void): Development {
  if (flags.dev) return { on: true, source: { kind: 'flag', where: '--dev' } };
  const variable = environment.get('FANFARE_DEV');
  if (variable === undefined) return { on: false, source: { kind: 'default' } };
  const on = parseBoolean(variable.value);
  if (on === undefined) refuse(`FANFARE_DEV: expected true or false, got ${JSON.stringify(variable.value)}`);
  return { on: on ?? false, source: variable.source };
}

/** @returns false when the file could not be read, so that what it would have said is unknown. */
function applyFile(
  draft: Draft,
  flags: Flags,
  environment: Environment,
  readFile: ReadFile,
  refuse: (mistake: string) => void,
): boolean {
  const variable = environment.get('FANFARE_CONFIG');
  const name = flags.config ?? variable?.value;
  if (name === undefined) return true;
  const namedBy = flags.config === undefined ? (variable?.source.where ?? 'FANFARE_CONFIG') : '--config';
  const text = readText(name, readFile, (reason) => refuse(`${namedBy}: cannot read ${name}: ${reason}`));
  if (text === undefined) return false;
  const file = parseConfigFile(name, text);
  file.mistakes.forEach(refuse);
  for (const [key, value] of Object.entries(file.tree ?? {})) draft.set([key], value, file.sourceOf);
  return file.tree !== undefined;
}

function sourcesOf(config: Config, draft: Draft, development: Source): ReadonlyMap<string, Source> {
  const byDefault: Source = { kind: 'default' };
  const inApps = config.apps.flatMap((_, index) => appKeys.map((key): Path => ['apps', index, ...key.path]));
  const paths = [...configKeys.map((key): Path => key.path), ...inApps];
  return new Map([
    ['development', development],
    ...paths.map((path): [string, Source] => [pathText(path), draft.source(path) ?? byDefault]),
  ]);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}
