// A real PostgreSQL on a free port of this machine, without durability, disposed of with `await using`.
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import {
  DATABASE,
  identityOf,
  makeFolder,
  makeServerCertificate,
  ServerProcess,
  type TestDatabase,
} from './database-server.ts';
import { findProgram } from './provision.ts';
import { freePort } from './redis.ts';

const FAST = [
  'fsync=off',
  'synchronous_commit=off',
  'full_page_writes=off',
  'shared_buffers=2MB',
  'max_connections=40',
];

/** What makes it hard for those who rely on the defaults. */
const STRICT = ['default_transaction_isolation=serializable'];

/**
 * With the database and the user of DATABASE, and TLS for those who ask for it.
 * @param certificateName whom its certificate is made out to; 127.0.0.1 by default
 */
export async function startPostgres(certificateName?: string): Promise<TestDatabase> {
  const identity = identityOf('postgres');
  const folder = await makeFolder(identity);
  const data = join(folder, 'data');
  const initdb = findProgram('initdb') ?? 'initdb';
  const { certFile, keyFile } = await makeServerCertificate(folder, identity, certificateName);
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, DATABASE.password);
  const form = ['--no-sync', '--no-instructions', '--encoding=UTF8', '--locale=C', '--auth=scram-sha-256'];
  execFileSync(initdb, ['-D', data, '-U', DATABASE.user, '--pwfile', passwordFile, ...form], {
    ...identity,
    cwd: folder,
  });
  const port = await freePort();
  const tls = ['ssl=on', `ssl_cert_file=${certFile}`, `ssl_key_file=${keyFile}`];
  const place = [`port=${port}`, 'listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`];
  const options = [...FAST, ...STRICT, ...tls, ...place].flatMap((option) => ['-c', option]);
  const command = [join(dirname(initdb), 'postgres'), '-D', data, ...options];
  const server = new ServerProcess(folder, identity, command, 'database system is ready to accept connections');
  await server.start();
  const url = (database: string) =>
    `postgres://${DATABASE.user}:${encodeURIComponent(DATABASE.password)}@127.0.0.1:${port}/${database}`;
  const clientOf = async (database: string) => {
    const client = new Client({ connectionString: url(database) });
    await client.connect();
    return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
  };
  const run = async (statement: string, database: string = DATABASE.name) => {
    await using client = await clientOf(database);
    return (await client.query<Record<string, unknown>>(statement)).rows;
  };
  const hold = async (statement: string) => {
    const client = await clientOf(DATABASE.name);
    await client.query('begin');
    await client.query(statement);
    return client;
  };
  await run(`create database ${DATABASE.name}`, 'postgres');
  return Object.assign(server, {
    kind: 'postgres',
    port,
    url: url(DATABASE.name),
    authorityFile: certFile,
    run,
    hold,
  } as const);
}
