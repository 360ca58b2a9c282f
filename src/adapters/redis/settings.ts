// Where Redis is and how a node shows itself there, as configured; pure.

/** The `redis` section of the configuration, which refuses what does not go together. */
export interface RedisOptions {
  /** redis://user:password@host:port/db, or rediss:// for TLS; wins over the settings below. */
  readonly url?: string | undefined;
  readonly host: string;
  readonly port: number;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly db: number;
  /** Also to Sentinels and to every node of a Cluster. */
  readonly tls: boolean;
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  /** The name in Redis' certificate, where it is not the host's. */
  readonly serverName?: string | undefined;
  /** host:port of Sentinels, any of which may be away; in place of `host` and `port`. */
  readonly sentinels?: readonly string[] | undefined;
  /** What the Sentinels call the master. */
  readonly sentinelName?: string | undefined;
  readonly sentinelUsername?: string | undefined;
  readonly sentinelPassword?: string | undefined;
  /** host:port of nodes of a Redis Cluster, which name the others; in place of `host` and `port`. */
  readonly cluster?: readonly string[] | undefined;
  /** What every key and topic starts with; nodes that share it are one cluster. */
  readonly prefix: string;
  /** Signs what nodes send each other, where others may write to Redis. */
  readonly busSecret?: string | undefined;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** What is the same for every server of a place. */
interface Access {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly db: number;
  readonly tls: boolean;
}

export interface Server extends Access, Endpoint {
  readonly type: 'server';
}

/** One server at a time: whichever the Sentinels say is the master. */
export interface Sentinels extends Access {
  readonly type: 'sentinels';
  readonly sentinels: readonly Endpoint[];
  readonly name: string;
  readonly sentinelUsername?: string | undefined;
  readonly sentinelPassword?: string | undefined;
}

export interface Cluster extends Access {
  readonly type: 'cluster';
  readonly startNodes: readonly Endpoint[];
}

export type Place = Server | Sentinels | Cluster;

const DEFAULT_PORT = 6379;

export function placeOf(options: RedisOptions): Place {
  const { url, username, password, db, tls, sentinels = [], cluster = [] } = options;
  const access = { username, password, db, tls };
  if (url !== undefined) return serverOf(new URL(url));
  if (cluster.length > 0) return { type: 'cluster', startNodes: cluster.map(endpointOf), ...access };
  if (sentinels.length === 0) return { type: 'server', host: options.host, port: options.port, ...access };
  const { sentinelName: name = '', sentinelUsername, sentinelPassword } = options;
  return {
    type: 'sentinels',
    sentinels: sentinels.map(endpointOf),
    name,
    sentinelUsername,
    sentinelPassword,
    ...access,
  };
}

function serverOf({ protocol, hostname, port, username, password, pathname }: URL): Server {
  return {
    type: 'server',
    host: unbracketed(hostname) || 'localhost',
    port: port === '' ? DEFAULT_PORT : Number(port),
    username: decodeURIComponent(username) || undefined,
    password: decodeURIComponent(password) || undefined,
    db: Number(pathname.slice(1)) || 0,
    tls: protocol === 'rediss:',
  };
}

/** @param text host:port, an IPv6 address in brackets */
export function endpointOf(text: string): Endpoint {
  const colon = text.lastIndexOf(':');
  return { host: unbracketed(text.slice(0, colon)), port: Number(text.slice(colon + 1)) };
}

export function endpointText({ host, port }: Endpoint): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** For logs and errors: without users and passwords. */
export function nameOf(place: Place): string {
  const scheme = place.tls ? 'rediss' : 'redis';
  switch (place.type) {
    case 'server':
      return `${scheme}://${endpointText(place)}/${place.db}`;
    case 'sentinels':
      return `${scheme}-sentinel://${place.sentinels.map(endpointText).join(',')}/${place.db}#${place.name}`;
    case 'cluster':
      return `${scheme}-cluster://${place.startNodes.map(endpointText).join(',')}`;
    default:
      return place satisfies never;
  }
}

function unbracketed(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}
