// TLS to the database: the certificate is checked wherever TLS is asked for.
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { AppSource } from '../../../src/adapters/apps/source.ts';
import { sqlSource } from '../../../src/adapters/apps/sql/source.ts';
import type { TestDatabase } from '../../support/database-server.ts';
import { startMariadb } from '../../support/mariadb.ts';
import { startPostgres } from '../../support/postgres.ts';

let server: TestDatabase;

function node(query: string, host = '127.0.0.1'): AppSource {
  const url = `${server.url.replace('127.0.0.1', host)}?${query.replace('CA', server.authorityFile)}`;
  const source = sqlSource({ url, table: 'tls', format: 'fanfare' });
  onTestFinished(() => source.close());
  return source;
}

const NOT_TRUSTED = 'has a certificate that is not trusted. Name its authority with sslrootcert=FILE';

describe('PostgreSQL with a certificate for 127.0.0.1', () => {
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const isEncrypted = async (): Promise<unknown> => {
    const [row] = await server.run(
      `select bool_and(ssl) as ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'fanfare'`,
    );
    return row?.ssl;
  };

  it.each([
    ['sslmode=require&sslrootcert=CA', '127.0.0.1'],
    ['sslmode=verify-ca&sslrootcert=CA', 'localhost'],
    ['sslmode=no-verify', '127.0.0.1'],
  ])('is encrypted with %s and the host %s', async (query, host) => {
    const source = node(query, host);
    await source.open();
    expect(await isEncrypted()).toBe(true);
    await source.close();
  });

  it('is not where TLS is not asked for', async () => {
    await node('sslmode=disable').open();
    expect(await isEncrypted()).toBe(false);
  });

  it.each([
    ['sslmode=require', '127.0.0.1'],
    ['ssl=true', '127.0.0.1'],
    ['sslmode=verify-ca', '127.0.0.1'],
    ['sslmode=verify-full&sslrootcert=CA', 'localhost'],
  ])('is refused with %s and the host %s', async (query, host) => {
    await expect(node(query, host).open()).rejects.toThrow(NOT_TRUSTED);
  });
});

describe.each([
  ['127.0.0.1', undefined],
  ['localhost', 'DNS:localhost'],
])('MariaDB with a certificate for %s', (name, alternativeName) => {
  beforeAll(async () => {
    const mariadb = await startMariadb(alternativeName);
    await mariadb.run("create user demanding identified by 'encrypted' require ssl");
    await mariadb.run('grant all on shop.* to demanding');
    // With TLS only: what is open is encrypted.
    server = Object.assign(mariadb, { url: mariadb.url.replace(/\/\/[^@]+@/, '//demanding:encrypted@') });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it.each([
    ['sslmode=verify-ca&sslrootcert=CA', '127.0.0.1'],
    ['sslmode=no-verify', 'localhost'],
  ])('is encrypted with %s and the host %s', async (query, host) => {
    const source = node(query, host);
    await source.open();
    await source.writer?.insert('a', {});
  });

  it('takes its certificate for the host it is made out to', async () => {
    const opened = node('sslmode=require&sslrootcert=CA', 'localhost').open();
    if (name === 'localhost') await opened;
    else await expect(opened).rejects.toThrow(NOT_TRUSTED);
  });

  it.each([
    ['ssl=true', 'localhost'],
    ['sslmode=verify-ca', '127.0.0.1'],
  ])('is refused with %s and the host %s', async (query, host) => {
    await expect(node(query, host).open()).rejects.toThrow(NOT_TRUSTED);
  });

  it('does not let the user in without TLS', async () => {
    await expect(node('sslmode=disable').open()).rejects.toThrow('refused the user or the password');
  });
});
