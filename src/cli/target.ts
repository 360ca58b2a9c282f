// Which server and which app a client command talks to: options, else the environment, else the development app.
import { credentialsOf, developmentApp } from '../config/apps.ts';
import { readEnvironment } from '../config/environment.ts';
import { readTextFile } from '../config/read-file.ts';
import { type Edge, UsageError } from './command.ts';

export const targetOptions = {
  url: { type: 'string' },
  'app-id': { type: 'string' },
  key: { type: 'string' },
  secret: { type: 'string' },
  'env-file': { type: 'string' },
} as const;

export const targetHelp = `  --url URL          the server, with its path prefix if it has one
                     (http://127.0.0.1:8080)
  --app-id ID        the app; the default is what the environment names in
  --key KEY          PUSHER_APP_ID, PUSHER_APP_KEY and PUSHER_APP_SECRET (or
  --secret SECRET    REVERB_APP_…, or FANFARE_APP_…), else the development app
                     when the server is on this machine
  --env-file FILE    read such variables from a .env file; real ones win`;

export const DEFAULT_URL = 'http://127.0.0.1:8080';

export interface Target {
  /** http(s)://host:port/prefix, without a slash at the end. */
  readonly url: string;
  readonly id?: string | undefined;
  readonly key?: string | undefined;
  readonly secret?: string | undefined;
}

type Values = { readonly [K in keyof typeof targetOptions]?: string | undefined };

/** @throws UsageError for a URL that is none, or an env file that cannot be read. */
export function targetOf(values: Values, edge: Edge): Target {
  const url = parseUrl(values.url ?? DEFAULT_URL);
  const environment = readEnvironment(edge.env, values['env-file'], readTextFile, (mistake) => {
    throw new UsageError(mistake);
  });
  const options = { id: values['app-id'], key: values.key, secret: values.secret };
  const named = { ...credentialsOf(environment), ...withoutUndefined(options) };
  const app = Object.keys(named).length === 0 && isLoopback(url) ? developmentApp : named;
  return { url: url.href.replace(/\/$/, ''), ...app };
}

type Part = 'id' | 'key' | 'secret';

/**
 * Refuses a target without the parts a command needs.
 * @throws UsageError that says how to give all that are missing.
 */
export function requireParts<P extends Part>(target: Target, ...parts: readonly P[]): Readonly<Record<P, string>> {
  const missing = parts.filter((part) => target[part] === undefined);
  if (missing.length === 0) return target as Readonly<Record<P, string>>;
  const options = missing.map((part) => (part === 'id' ? '--app-id' : `--${part}`)).join(', ');
  const variables = missing.map((part) => `PUSHER_APP_${part.toUpperCase()}`).join(', ');
  throw new UsageError(`which app? Give ${options}, or set ${variables} (--env-file reads a .env)`);
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text.replace(/^ws(?=s?:)/, 'http')) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`--url must be like http://host:port, got "${text}"`);
  }
  url.search = '';
  url.hash = '';
  return url;
}

function isLoopback({ hostname }: URL): boolean {
  return ['localhost', '[::1]', '[::]', '0.0.0.0'].includes(hostname) || hostname.startsWith('127.');
}

function withoutUndefined<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}
