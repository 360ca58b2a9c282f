// The store of apps that is configured.
import type { Logger } from 'pino';
import type { App } from '../../core/app.ts';
import type { AppStore } from '../../core/app-store.ts';
import type { RedisOptions } from '../redis/settings.ts';
import { ConfigAppStore } from './config-store.ts';
import { FileSource } from './file.ts';
import { LateSource } from './late-source.ts';
import { RedisSource } from './redis.ts';
import type { AppSource } from './source.ts';
import { StoredApps } from './stored-apps.ts';

/** The parts of the configuration that say where apps are; the checked one has what its driver needs. */
export interface StoreSettings {
  readonly appStore: {
    readonly driver: 'config' | 'file' | 'redis' | 'sql';
    readonly file?: string | undefined;
    readonly sql?:
      | { readonly url: string; readonly table?: string | undefined; readonly format: 'fanfare' | 'soketi' }
      | undefined;
  };
  readonly apps: readonly App[];
  readonly redis: RedisOptions;
  readonly development?: boolean;
}

export function storeOf(settings: StoreSettings, log: Logger): AppStore {
  const source = sourceOf(settings, log);
  return source === undefined
    ? new ConfigAppStore(settings.apps)
    : new StoredApps(source, log, { development: settings.development ?? false });
}

/** undefined: the apps are those of the configuration. */
function sourceOf({ appStore: { driver, file, sql }, redis }: StoreSettings, log: Logger): AppSource | undefined {
  switch (driver) {
    case 'config':
      return undefined;
    case 'file':
      return new FileSource(needed(file, 'file'));
    case 'redis':
      return new RedisSource(redis, log);
    case 'sql': {
      const place = needed(sql, 'sql');
      // Drivers of databases cost a third of a second and 30 MB: only who needs them loads them.
      return new LateSource(async () => (await import('./sql/source.ts')).sqlSource(place));
    }
    default:
      return driver satisfies never;
  }
}

function needed<T>(setting: T | undefined, name: string): T {
  if (setting === undefined) throw new Error(`appStore.${name} is not configured`);
  return setting;
}
