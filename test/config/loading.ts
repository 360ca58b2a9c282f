// Loads a configuration out of texts instead of files and the real environment.

import type { Source } from '../../src/config/draft.ts';
import type { Flags } from '../../src/config/layers.ts';
import { type LoadResult, loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';

export interface Given {
  readonly flags?: Flags;
  readonly env?: Readonly<Record<string, string>>;
  /** Files by name; a file named fanfare.yaml is the configuration unless flags or env name another. */
  readonly files?: Readonly<Record<string, string>>;
  readonly needsApps?: boolean;
}

export function load({ flags = {}, env = {}, files = {}, needsApps = true }: Given): LoadResult {
  const isNamed = flags.config !== undefined || env.FANFARE_CONFIG !== undefined;
  const config = 'fanfare.yaml' in files && !isNamed ? { config: 'fanfare.yaml' } : {};
  const readFile = (path: string) => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' });
    return text;
  };
  return loadConfig({ flags: { ...config, ...flags }, env, readFile, needsApps });
}

export function loaded(given: Given): { config: Config; sources: ReadonlyMap<string, Source> } {
  const result = load(given);
  if (!result.ok) throw new Error(`refused: ${result.mistakes.join('\n')}`);
  return result;
}

export function mistakes(given: Given): readonly string[] {
  const result = load(given);
  if (result.ok) throw new Error('the configuration was accepted');
  return result.mistakes;
}

export const appEnv = { FANFARE_APP_ID: '1', FANFARE_APP_KEY: 'k', FANFARE_APP_SECRET: 's' } as const;
