// Where Redis is: one server, what Sentinels call the master, or a Cluster; and what of it does not go together. Pure.
import { z } from 'zod';

const text = (description: string) => z.string().min(1, 'must not be empty').describe(description);
const atLeast = (least: number, fallback: number, description: string) =>
  z.int().min(least).default(fallback).describe(description);

const endpoints = (description: string) =>
  z
    .array(z.string().refine(isEndpoint, 'must be host:port, an IPv6 address in brackets'))
    .min(1)
    .optional()
    .describe(description);

export const redisSchema = z
  .strictObject({
    url: z
      .string()
      .refine(isRedisUrl, 'must be redis://[user:password@]host[:port][/db] or rediss://…, percent-encoded')
      .optional()
      .describe(
        'redis://user:password@host:port/db, or rediss:// for TLS. Wins over host, port, username, password and db.',
      ),
    host: z
      .string()
      .regex(/^[^\s/@]+$/, 'must be a host name or an address, and nothing else')
      .default('127.0.0.1')
      .describe('Host name or address.'),
    port: z.int().min(1).max(65_535).default(6379).describe('Port.'),
    username: text('User name, where Redis has access lists.').optional(),
    password: text('Password.').optional(),
    db: atLeast(0, 0, 'Number of the database; a Cluster has only 0.'),
    tls: z.boolean().default(false).describe('Connect with TLS, also to Sentinels and all nodes of a Cluster.'),
    caFile: text('PEM file with the authority that signed Redis’ certificate, if it is not a public one.').optional(),
    certFile: text('PEM file with the certificate to show to Redis, where it asks for one.').optional(),
    keyFile: text('PEM file with the private key of that certificate, without a passphrase.').optional(),
    serverName: text('The name in Redis’ certificate, where that is not the host.').optional(),
    sentinels: endpoints('host:port of the Sentinels, in place of host and port.'),
    sentinelName: text('What the Sentinels call the master, such as mymaster.').optional(),
    sentinelUsername: text('User name, where the Sentinels have access lists.').optional(),
    sentinelPassword: text('Password of the Sentinels.').optional(),
    cluster: endpoints('host:port of nodes of a Redis Cluster, in place of host and port; they know the others.'),
    prefix: text('What every key and topic starts with. Servers that share it are one cluster.').default('fanfare:'),
    leaseSeconds: atLeast(
      2,
      10,
      'A server that Redis has not heard of for so long is taken for dead: what its sockets held is removed.',
    ),
    closeWhenLost: z
      .boolean()
      .default(true)
      .describe('Close all sockets with 4200 when Redis cannot be reached for a lease, so that clients move.'),
    busSecret: text(
      'Signs what servers send each other, where others may write to Redis. The same on all of them.',
    ).optional(),
  })
  .check(z.superRefine(refuseMixtures, { when: () => true }))
  .prefault({})
  .describe('Where Redis is. Used only when adapter or appStore.driver is redis.');

/** Every mistake at once, also where a key has one of its own. */
function refuseMixtures(redis: unknown, context: z.RefinementCtx): void {
  if (typeof redis !== 'object' || redis === null) return;
  const given = redis as Readonly<Record<string, unknown>>;
  const has = (name: string) => given[name] !== undefined;
  const refuse = (name: string, message: string) => context.addIssue({ code: 'custom', path: [name], message });
  for (const [name, other] of EITHER) {
    if (has(name) && has(other)) refuse(name, `cannot be given together with redis.${other}: say one of them`);
  }
  for (const [name, other] of NEEDS) {
    if (has(name) && !has(other)) refuse(name, `needs redis.${other} beside it`);
  }
  refuseAboutTls(given, refuse);
  if (!has('cluster')) return;
  if (given.db !== undefined && given.db !== 0) refuse('db', 'must be 0 with redis.cluster: a Cluster has no other');
  if (typeof given.prefix === 'string' && /[{}]/.test(given.prefix)) {
    refuse('prefix', 'must not hold "{" or "}" with redis.cluster: they would decide where in it the keys are');
  }
}

const EITHER = [
  ['url', 'sentinels'],
  ['url', 'cluster'],
  ['sentinels', 'cluster'],
] as const;

const NEEDS = [
  ['sentinels', 'sentinelName'],
  ['sentinelName', 'sentinels'],
  ['sentinelUsername', 'sentinels'],
  ['sentinelPassword', 'sentinels'],
  ['certFile', 'keyFile'],
  ['keyFile', 'certFile'],
] as const;

/** What somebody wants to be secret must not go in the clear. */
function refuseAboutTls(
  { url, tls, ...given }: Readonly<Record<string, unknown>>,
  refuse: (name: string, message: string) => void,
): void {
  if (typeof url === 'string' ? url.startsWith('rediss:') : tls === true) return;
  const remedy = typeof url === 'string' ? 'begin redis.url with rediss://' : 'set redis.tls to true';
  if (tls === true) refuse('tls', `is not what redis.url says: ${remedy}`);
  for (const name of ['caFile', 'certFile', 'keyFile', 'serverName']) {
    if (given[name] !== undefined) refuse(name, `is of no use without TLS: ${remedy}`);
  }
}

function isEndpoint(text: string): boolean {
  const [, port] = /^(?:\[[\da-f:.]+\]|[^\s:/@[\]]+):(\d{1,5})$/i.exec(text) ?? [];
  return Number(port) >= 1 && Number(port) <= 65_535;
}

/** Nothing is guessed: a host is named, the path is empty or a database number, and there is no query to be ignored. */
function isRedisUrl(text: string): boolean {
  if (!/^rediss?:\/\/[^/]/.test(text) || !URL.canParse(text)) return false;
  const { hostname, username, password, pathname, search, hash } = new URL(text);
  return hostname !== '' && /^(\/\d*)?$/.test(pathname) && search + hash === '' && isDecodable(username + password);
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
