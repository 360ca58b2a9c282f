// Where the database of the apps is and how it is reached, read from its URL. No message here holds the URL: it has the
// password.
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';

export type DatabaseKind = 'postgres' | 'mysql';

/** Certificates as PEM. */
export interface DatabaseTls {
  /** Whether the certificate must be from an authority we trust. */
  readonly verified: boolean;
  /** Whether it must also be made out to this host. */
  readonly nameVerified: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface DatabaseAddress {
  readonly kind: DatabaseKind;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** undefined: plain text. */
  readonly tls: DatabaseTls | undefined;
}

const SCHEMES: Readonly<Record<string, DatabaseKind>> = {
  'postgres:': 'postgres',
  'postgresql:': 'postgres',
  'mysql:': 'mysql',
  'mariadb:': 'mysql',
};
const DEFAULT_PORT = { postgres: 5432, mysql: 3306 } as const;
const PARAMETERS = ['sslmode', 'ssl', 'sslrootcert', 'sslcert', 'sslkey'];
const FORM = 'postgres://user:password@host:5432/database or mysql://user:password@host:3306/database';

/** @throws Error that says what is wrong with the URL, without the URL */
export function readAddress(text: string): DatabaseAddress {
  const url = parseUrl(text);
  const kind = url && SCHEMES[url.protocol];
  if (url === undefined || kind === undefined)
    throw new Error(`The URL of the apps’ database must have the form ${FORM}.`);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const database = decode(url.pathname.slice(1));
  if (host === '') throw new Error(`The URL of the apps’ database names no host: it must have the form ${FORM}.`);
  if (database === '')
    throw new Error(`The URL of the apps’ database names no database: it must have the form ${FORM}.`);
  return {
    kind,
    host,
    port: url.port === '' ? DEFAULT_PORT[kind] : Number(url.port),
    user: decode(url.username),
    password: decode(url.password),
    database,
    tls: readTls(url.searchParams, kind, host),
  };
}

/** For people: product, host, port and database. */
export function placeOf({ kind, host, port, database }: DatabaseAddress): string {
  const product = kind === 'postgres' ? 'PostgreSQL' : 'MySQL or MariaDB';
  return `${product} at ${isIP(host) === 6 ? `[${host}]` : host}:${port}, database "${database}"`;
}

function readTls(parameters: URLSearchParams, kind: DatabaseKind, host: string): DatabaseTls | undefined {
  const unknown = [...parameters.keys()].find((name) => !PARAMETERS.includes(name));
  if (unknown !== undefined) {
    throw new Error(`The URL of the apps’ database has "${unknown}", and takes ${PARAMETERS.join(', ')} only.`);
  }
  const mode = parameters.get('sslmode') ?? modeOf(parameters.get('ssl'));
  if (mode === 'disable') return undefined;
  const checks = {
    // As `pg` has it, and not libpq, whose `require` takes any certificate.
    require: { verified: true, nameVerified: true },
    'verify-full': { verified: true, nameVerified: true },
    'verify-ca': { verified: true, nameVerified: false },
    'no-verify': { verified: false, nameVerified: false },
  }[mode];
  if (checks === undefined) {
    throw new Error(
      'sslmode in the URL of the apps’ database must be disable, require, verify-full, verify-ca or no-verify ' +
        '(ssl: true or false).',
    );
  }
  if (kind === 'mysql' && checks.nameVerified && isIP(host) !== 0) {
    // mysql2 compares certificates with host names only.
    throw new Error(
      `The certificate of ${host} cannot be compared with an IP address: name the MySQL host in the URL of the apps’ ` +
        'database, or write sslmode=verify-ca, which checks who issued the certificate only.',
    );
  }
  return {
    ...checks,
    ...readPem(parameters, 'sslrootcert', 'ca'),
    ...readPem(parameters, 'sslcert', 'cert'),
    ...readPem(parameters, 'sslkey', 'key'),
  };
}

/** `ssl` as the drivers' own URLs have it: a flag (pg), or an object (mysql2). */
function modeOf(ssl: string | null): string {
  const flag = ssl?.replaceAll(' ', '') ?? 'false';
  if (['true', '1', '{}', '{"rejectUnauthorized":true}'].includes(flag)) return 'require';
  if (flag === '{"rejectUnauthorized":false}') return 'no-verify';
  return flag === 'false' || flag === '0' ? 'disable' : 'unknown';
}

function readPem(parameters: URLSearchParams, parameter: string, as: 'ca' | 'cert' | 'key'): Partial<DatabaseTls> {
  const file = parameters.get(parameter);
  if (file === null) return {};
  try {
    return { [as]: readFileSync(file, 'utf8') };
  } catch (err) {
    throw new Error(`${parameter} of the apps’ database cannot be read: ${(err as Error).message}.`);
  }
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined; // Node's error holds the text.
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new Error('The URL of the apps’ database has a "%" that is no escape: write it as %25.');
  }
}
