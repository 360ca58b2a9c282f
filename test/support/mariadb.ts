// A real MariaDB on a free port of this machine, without durability, disposed of with `await using`.
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
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
  '--innodb-buffer-pool-size=8M',
  '--innodb-log-file-size=4M',
  '--innodb-flush-log-at-trx-commit=0',
  '--innodb-doublewrite=0',
  '--performance-schema=0',
];

/**
 * What makes it hard for those who rely on defaults: changes are refused in transactions that are READ COMMITTED, and a
 * backslash in a string is a character like others.
 */
const STRICT = [
  '--log-bin=changes',
  '--binlog-format=STATEMENT',
  '--sync-binlog=0',
  '--sql-mode=NO_BACKSLASH_ESCAPES,ANSI_QUOTES',
];

/**
 * With the database and the user of DATABASE, and TLS for those who ask for it.
 * @param certificateName whom its certificate is made out to; 127.0.0.1 by default
 */
export async function startMariadb(certificateName?: string): Promise<TestDatabase> {
  const identity = identityOf('mysql');
  const folder = await makeFolder(identity);
  const data = join(folder, 'data');
  const form = ['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve'];
  execFileSync('mariadb-install-db', ['--no-defaults', `--datadir=${data}`, `--tmpdir=${folder}`, ...form, ...FAST], {
    ...identity,
    cwd: folder,
    stdio: 'pipe',
  });
  const { certFile, keyFile } = await makeServerCertificate(folder, identity, certificateName);
  const user = `'${DATABASE.user}'@'%' identified by '${DATABASE.password}'`;
  const setUp = join(folder, 'set-up.sql');
  await writeFile(
    setUp,
    `create database if not exists ${DATABASE.name};\ngrant all on *.* to ${user} with grant option;\n`,
  );
  const port = await freePort();
  const place = [
    `--datadir=${data}`,
    // A server that starts removes what it finds of others in the shared one.
    `--tmpdir=${folder}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    `--socket=${join(folder, 'socket')}`,
  ];
  const files = [`--pid-file=${join(folder, 'pid')}`, `--init-file=${setUp}`];
  const tls = [`--ssl-cert=${certFile}`, `--ssl-key=${keyFile}`];
  const command = [
    findProgram('mariadbd') ?? 'mariadbd',
    '--no-defaults',
    '--skip-name-resolve',
    ...place,
    ...files,
    ...tls,
    ...FAST,
    ...STRICT,
  ];
  const server = new ServerProcess(folder, identity, command, 'ready for connections');
  await server.start();
  const url = `mysql://${DATABASE.user}:${encodeURIComponent(DATABASE.password)}@127.0.0.1:${port}/${DATABASE.name}`;
  const connectionOf = async () => {
    const connection = await createConnection({ uri: url });
    return Object.assign(connection, { [Symbol.asyncDispose]: () => connection.end() });
  };
  const run = async (statement: string) => {
    await using connection = await connectionOf();
    const [rows] = await connection.query(statement);
    return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : [];
  };
  const hold = async (statement: string) => {
    const connection = await connectionOf();
    await connection.query('begin');
    await connection.query(statement);
    return connection;
  };
  return Object.assign(server, { kind: 'mysql', port, url, authorityFile: certFile, run, hold } as const);
}
