// What is accepted in a configuration and is likely not meant, for whoever starts the server. Pure.
import type { LoadResult } from '../config/load.ts';
import { authWarnings } from './explain-auth.ts';

export type Loaded = Extract<LoadResult, { ok: true }>;

const PLACES = /^redis\.(url|host|sentinels|cluster)/;
/** The default: a file may say what would be anyway. */
const NEIGHBOUR = '127.0.0.1';

/** A sentence each. */
export function warningsOf(loaded: Loaded): string[] {
  return [...unusedRedis(loaded), ...authWarnings(loaded.config)];
}

/** Laravel's .env names a Redis anyway: only who names it to Fanfare can be expected to mean it. */
export function unusedRedis({ config, sources }: Loaded): string[] {
  if (config.adapter === 'redis') return [];
  const named = [...sources].find(([key, { kind, where = '' }]) => {
    const isOurs = kind === 'file' || kind === 'flag' || (kind === 'environment' && where.startsWith('FANFARE_'));
    return isOurs && PLACES.test(key) && !(key === 'redis.host' && config.redis.host === NEIGHBOUR);
  });
  if (named === undefined) return [];
  const [key, { where }] = named;
  return [`${key}${where === undefined ? '' : ` (${where})`} is not used, as adapter is memory: set adapter to redis`];
}
