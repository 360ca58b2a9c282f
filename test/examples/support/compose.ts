// The cluster example's files, and as much of Docker Compose as reading them takes.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { loadConfig } from '../../../src/config/load.ts';
import type { Config } from '../../../src/config/schema.ts';

export const FOLDER = 'examples/cluster';

export const secrets = { FANFARE_APP_SECRET: 'b1946ac92492d2347c6235b4d2611184', REDIS_PASSWORD: 'redis-password' };
/** What has to be set in .env. */
export const dotEnv = { FANFARE_APP_ID: 'chat', FANFARE_APP_KEY: 'chat-key', ...secrets };

export interface Service {
  readonly build?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly stop_grace_period?: string;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

export interface Compose {
  readonly services: Readonly<Record<string, Service>>;
}

/**
 * @param env what would be in .env
 * @throws Error where a variable that has to be set is not
 */
export function readCompose(file: string, env: Readonly<Record<string, string>>): Compose {
  // Aliases and merges first, as Compose does: it puts variables into values.
  const tree: unknown = parse(readFileSync(file, 'utf8'), { merge: true });
  return JSON.parse(JSON.stringify(tree), (_key, value: unknown) =>
    typeof value === 'string' ? interpolate(value, env) : value,
  ) as Compose;
}

/** https://docs.docker.com/reference/compose-file/interpolation/ */
function interpolate(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(
    /\$(?:\$|\{(\w+)(?::([-?])([^}]*))?\})/g,
    (_, name?: string, operator?: string, rest?: string) => {
      if (name === undefined) return '$';
      const value = env[name] ?? '';
      if (value === '' && operator === '?') throw new Error(`${name}: ${rest}`);
      return value === '' && operator === '-' ? (rest ?? '') : value;
    },
  );
}

export const compose = readCompose(`${FOLDER}/compose.yaml`, dotEnv);
export const nginxConf = readFileSync(`${FOLDER}/nginx.conf`, 'utf8');
export const nodeNames = Object.keys(compose.services).filter((name) => compose.services[name]?.build !== undefined);

/** What compose.yaml has a node started with. */
export function environmentOf(name: string): Record<string, string> {
  const { environment = {} } = compose.services[name] ?? {};
  return Object.fromEntries(Object.entries(environment).map(([variable, value]) => [variable, String(value)]));
}

export function configOf(name: string): Config {
  const loaded = loadConfig({ env: environmentOf(name) });
  if (!loaded.ok) throw new Error(loaded.mistakes.join('\n'));
  return loaded.config;
}
