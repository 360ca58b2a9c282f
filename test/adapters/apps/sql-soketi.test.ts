// Apps in soketi's own table, in a real PostgreSQL and a real MariaDB.
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { AppSource } from '../../../src/adapters/apps/source.ts';
import { sqlSource } from '../../../src/adapters/apps/sql/source.ts';
import type { TestDatabase } from '../../support/database-server.ts';
import { startMariadb } from '../../support/mariadb.ts';
import { startPostgres } from '../../support/postgres.ts';

/** As docs.soketi.app has it for each of them. */
const TYPES = {
  postgres: { key: '"key"', flag: 'smallint', json: 'json' },
  mysql: { key: '`key`', flag: 'tinyint(1)', json: 'json' },
} as const;
const LIMITS = [
  'max_presence_members_per_channel',
  'max_presence_member_size_in_kb',
  'max_channel_name_length',
  'max_event_channels_at_once',
  'max_event_name_length',
  'max_event_payload_in_kb',
  'max_event_batch_size',
];

describe.each([
  ['PostgreSQL', startPostgres],
  ['MariaDB', startMariadb],
])('%s', (_, start) => {
  let server: TestDatabase;
  let tables = 0;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  async function opened(table?: string, url = server.url): Promise<AppSource> {
    const source = sqlSource({ url, table, format: 'soketi' });
    onTestFinished(() => source.close());
    await source.open();
    return source;
  }

  async function makeTable(name = `soketi_${++tables}`): Promise<string> {
    const { key, flag, json } = TYPES[server.kind];
    const counts = [
      'max_connections',
      'max_backend_events_per_sec',
      'max_client_events_per_sec',
      'max_read_req_per_sec',
    ];
    const columns = [
      'id varchar(255) primary key',
      `${key} varchar(255) not null`,
      'secret varchar(255) not null',
      ...['enable_client_messages', 'enabled', 'enable_user_authentication'].map((name) => `${name} ${flag} not null`),
      ...counts.map((name) => `${name} integer not null`),
      ...LIMITS.map((name) => `${name} integer default null`),
      `webhooks ${json}`,
    ];
    await server.run(`create table ${name} (${columns.join(', ')})`);
    return name;
  }

  const insert = (table: string, id: string, rest = "null, 100, null, '[]'"): Promise<unknown> =>
    server.run(
      `insert into ${table} (id, ${TYPES[server.kind].key}, secret, enable_client_messages, enabled, enable_user_authentication,
        max_connections, max_backend_events_per_sec, max_client_events_per_sec, max_read_req_per_sec,
        max_presence_members_per_channel, max_event_payload_in_kb, max_event_batch_size, webhooks)
       values ('${id}', 'key-${id}', 'secret-${id}', 1, 1, 0, -1, 100, -1, -1, ${rest})`,
    );

  it('reads the table that is called apps', async () => {
    const table = await makeTable('apps');
    await insert(table, 'b', "7, -1, 5, '[]'");
    await insert(table, 'a');
    const shared = { clientEvents: true, enabled: true, signInRequired: false, webhooks: [] };
    const rates = { connections: 0, eventsPerSecond: 100, clientEventsPerSecond: 0 };
    expect(await (await opened()).load()).toEqual([
      {
        id: 'a',
        value: { id: 'a', key: 'key-a', secret: 'secret-a', ...shared, limits: { ...rates, payloadBytes: 102_400 } },
        version: expect.any(String),
      },
      {
        id: 'b',
        value: {
          ...{ id: 'b', key: 'key-b', secret: 'secret-b', ...shared },
          limits: { ...rates, presenceMembers: 7, payloadBytes: 1_048_576, batchEvents: 5 },
        },
        version: expect.any(String),
      },
    ]);
  });

  it('reads an older table that lacks columns, and one that gets further ones', async () => {
    const table = `soketi_${++tables}`;
    await server.run(`create table ${table} (id integer, ${TYPES[server.kind].key} varchar(9), secret varchar(9))`);
    await server.run(`insert into ${table} values (1, 'k', null)`);
    const source = await opened(table);
    expect(await source.load()).toEqual([
      { id: '1', value: { id: '1', key: 'k', limits: {} }, version: expect.any(String) },
    ]);
    const revision = await source.revision();
    await server.run(`alter table ${table} add column enabled integer default 0`);
    expect(await source.revision()).not.toBe(revision);
    expect((await source.load())[0]?.value).toMatchObject({ enabled: false });
    await server.run(`alter table ${table} drop column enabled`);
    expect(await source.revision()).toBe(revision);
    // Nothing keeps such a table from having a row several times.
    await server.run(`insert into ${table} values (1, 'k', null), (1, 'k', null)`);
    expect(await source.revision()).not.toBe(revision);
  });

  it('changes nothing in it, and needs no right to', async () => {
    const table = await makeTable();
    await insert(table, 'a');
    const user = `reader_${tables}`;
    await server.run(`create user ${user} ${server.kind === 'postgres' ? 'password' : 'identified by'} 'r'`);
    await server.run(`grant select on ${table} to ${user}`);
    const source = await opened(table, server.url.replace(/\/\/[^@]+@/, `//${user}:r@`));
    expect(source.writer).toBeUndefined();
    expect((await source.load()).map(({ id }) => id)).toEqual(['a']);
  });

  it('notices every change, in the revision and in the version of what changed', async () => {
    const table = await makeTable();
    for (const id of ['a', 'b']) await insert(table, id);
    const source = await opened(table);
    const [, before] = await source.load();
    const seen = [await source.revision()];
    expect(await source.revision()).toBe(seen[0]);
    for (const statement of [
      `update ${table} set max_connections = 5 where id = 'a'`,
      `update ${table} set max_event_batch_size = 5 where id = 'a'`,
      `update ${table} set max_event_batch_size = null, max_event_name_length = 5 where id = 'a'`,
      `update ${table} set webhooks = '[{"url":"https://a.example","event_types":[]}]' where id = 'a'`,
      `update ${table} set webhooks = null where id = 'a'`,
      `update ${table} set secret = 'Secret-a' where id = 'a'`,
      `delete from ${table} where id = 'a'`,
    ]) {
      const versions = (await source.load()).map(({ version }) => version);
      await server.run(statement);
      seen.push(await source.revision());
      expect((await source.load()).map(({ version }) => version)).not.toEqual(versions);
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(await source.load()).toEqual([before]);
  });

  it('says so where the table is not there', async () => {
    await expect(opened('nowhere')).rejects.toThrow(
      /has no such table or column\. Check the name of the table.*nowhere/,
    );
  });
});
