// The URL of the apps' database: what it may say, and what its mistakes are called.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { placeOf, readAddress } from '../../../src/adapters/apps/sql/address.ts';
import { makeCertificate } from '../../support/certificate.ts';

const messageOf = (url: string): string => {
  try {
    readAddress(url);
  } catch (err) {
    return (err as Error).message;
  }
  return 'none';
};

it.each([
  ['postgres://u:p@db.example/shop', 'postgres', 'db.example', 5432],
  ['postgresql://u:p@db.example:6432/shop', 'postgres', 'db.example', 6432],
  ['mysql://u:p@[::1]/shop', 'mysql', '::1', 3306],
  ['mariadb://u:p@127.0.0.1:3307/shop', 'mysql', '127.0.0.1', 3307],
])('reads %s', (url, kind, host, port) => {
  expect(readAddress(url)).toEqual({ kind, host, port, user: 'u', password: 'p', database: 'shop', tls: undefined });
});

it('reads what is escaped, and what is left out', () => {
  expect(readAddress('mysql://a%40b:p%2F%25@h/my%20shop')).toMatchObject({
    user: 'a@b',
    password: 'p/%',
    database: 'my shop',
  });
  expect(readAddress('postgres://h/shop')).toMatchObject({ user: '', password: '' });
});

it('names the place without user and password', () => {
  expect(placeOf(readAddress('postgres://u:p@[::1]/shop'))).toBe('PostgreSQL at [::1]:5432, database "shop"');
  expect(placeOf(readAddress('mariadb://u:p@h/shop'))).toBe('MySQL or MariaDB at h:3306, database "shop"');
});

const full = { verified: true, nameVerified: true };
it.each([
  ['sslmode=disable', undefined],
  ['sslmode=require', full],
  ['sslmode=verify-full', full],
  ['sslmode=verify-ca', { verified: true, nameVerified: false }],
  ['sslmode=no-verify', { verified: false, nameVerified: false }],
  ['ssl=true', full],
  ['ssl=1', full],
  ['ssl=0', undefined],
  ['ssl=false', undefined],
  ['ssl=false&sslmode=require', full],
  ['ssl={}', full],
  ['ssl={"rejectUnauthorized": true}', full],
  ['ssl={"rejectUnauthorized":false}', { verified: false, nameVerified: false }],
])('takes ?%s', (query, tls) => {
  for (const kind of ['postgres', 'mysql']) expect(readAddress(`${kind}://u:p@h/shop?${query}`).tls).toEqual(tls);
});

it('reads the certificates it names', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fanfare-sql-'));
  const { certFile, keyFile } = makeCertificate(folder);
  const files = `sslrootcert=${certFile}&sslcert=${certFile}&sslkey=${keyFile}`;
  const { tls } = readAddress(`postgres://u:p@h/shop?sslmode=require&${files}`);
  rmSync(folder, { recursive: true });
  const certificate = expect.stringContaining('BEGIN CERTIFICATE');
  expect(tls).toEqual({ ...full, ca: certificate, cert: certificate, key: expect.stringContaining('PRIVATE KEY') });
});

it.each([
  ['shop:s3cret', 'must have the form postgres://user:password@host:5432/database'],
  ['sqlite://u:s3cret@h/shop', 'must have the form'],
  ['http://u:s3cret@h/shop', 'must have the form'],
  ['postgres://u:s3cret@h:port/shop', 'must have the form'],
  ['postgres:///shop', 'names no host'],
  ['postgres://u:s3cret@h', 'names no database'],
  ['mysql://u:s3cret@h/', 'names no database'],
  ['mysql://u:s3cret%@h/shop', 'write it as %25'],
  ['postgres://u:s3cret@h/shop?sslmode=prefer', 'must be disable, require, verify-full, verify-ca or no-verify'],
  ['postgres://u:s3cret@h/shop?ssl=perhaps', 'ssl: true or false'],
  ['postgres://u:s3cret@h/shop?ssl-mode=required', 'has "ssl-mode", and takes sslmode, ssl, sslrootcert'],
  [
    'postgres://u:s3cret@h/shop?sslmode=require&sslrootcert=/nowhere.pem',
    'sslrootcert of the apps’ database cannot be',
  ],
  ['mysql://u:s3cret@127.0.0.1/shop?ssl=true', 'name the MySQL host in the URL'],
  ['mysql://u:s3cret@[::1]/shop?ssl=true', 'The certificate of ::1 cannot be compared'],
])('refuses %s without repeating it', (url, reason) => {
  expect(messageOf(url)).toContain(reason);
  expect(messageOf(url)).not.toContain('s3cret');
});
