// Where Redis is, from a URL or single settings; pure.

/** The `redis` section of the configuration. */
export interface RedisOptions {
  /** redis://user:password@host:port/db, or rediss:// for TLS; wins over the settings below. */
  readonly url?: string | undefined;
  readonly host: string;
  readonly port: number;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly db: number;
  readonly tls: boolean;
  /** What every key and topic starts with; nodes that share it are one cluster. */
  readonly prefix: string;
}

export type RedisAddress = Omit<RedisOptions, 'url' | 'prefix'>;

const DEFAULT_PORT = 6379;

export function addressOf({ url, prefix: _, ...single }: RedisOptions): RedisAddress {
  if (url === undefined) return single;
  const { protocol, hostname, port, username, password, pathname } = new URL(url);
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1') || 'localhost',
    port: port === '' ? DEFAULT_PORT : Number(port),
    username: decodeURIComponent(username) || undefined,
    password: decodeURIComponent(password) || undefined,
    db: Number(pathname.slice(1)) || 0,
    tls: protocol === 'rediss:',
  };
}

/** For logs and errors: without user and password. */
export function nameOf({ host, port, db, tls }: RedisAddress): string {
  return `${tls ? 'rediss' : 'redis'}://${host.includes(':') ? `[${host}]` : host}:${port}/${db}`;
}
