// Apps in PostgreSQL and MariaDB, real ones: our own table.
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { AppSource, AppWriter } from '../../../src/adapters/apps/source.ts';
import { sqlSource } from '../../../src/adapters/apps/sql/source.ts';
import type { TestDatabase } from '../../support/database-server.ts';
import { startMariadb } from '../../support/mariadb.ts';
import { startPostgres } from '../../support/postgres.ts';

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

  const newTable = (): string => `apps_${++tables}`;

  /** A node, to be opened. */
  function node(table: string, url = server.url): AppSource & { readonly writer: AppWriter } {
    const source = sqlSource({ url, table, format: 'fanfare' });
    onTestFinished(() => source.close());
    return source as AppSource & { readonly writer: AppWriter };
  }

  async function opened(table: string): Promise<AppSource & { readonly writer: AppWriter }> {
    const source = node(table);
    await source.open();
    return source;
  }

  const app = (id: string, key = `key-${id}`) => ({ id, key, secret: `secret-${id}` });
  const idsOf = async (source: AppSource): Promise<string[]> => (await source.load()).map(({ id }) => id);

  it('says where it is without the password', () => {
    const product = server.kind === 'postgres' ? 'PostgreSQL' : 'MySQL or MariaDB';
    expect(node('apps').name).toBe(`${product} at 127.0.0.1:${server.port}, database "shop"`);
  });

  it('makes its table where there is none, and takes it as it is where there is one', async () => {
    const table = newTable();
    const first = await opened(table);
    expect(await first.load()).toEqual([]);
    await first.writer.insert('a', app('a'));
    const second = await opened(table);
    await second.open();
    expect(await idsOf(second)).toEqual(['a']);
  });

  it('calls its table fanfare_apps where nothing else is said', async () => {
    const source = sqlSource({ url: server.url, format: 'fanfare' });
    onTestFinished(() => source.close());
    await source.open();
    expect(await server.run('select * from fanfare_apps')).toEqual([]);
  });

  it('makes its table once when several nodes start at one time', async () => {
    const table = newTable();
    const nodes = Array.from({ length: 6 }, () => node(table));
    await Promise.all(nodes.map((source) => source.open()));
    expect(await server.run(`select name from ${table}_migrations`)).toHaveLength(1);
    expect(await server.run(`select id from ${table}_lock`)).toHaveLength(1);
  });

  it('goes on where a migration was cut off half-way', async () => {
    const table = newTable();
    await (await opened(table)).writer.insert('a', app('a'));
    await server.run(`delete from ${table}_migrations`);
    await opened(table);
    expect(await server.run(`select id from ${table}_lock`)).toHaveLength(1);
    await server.run(`drop table ${table}_lock`);
    await server.run(`delete from ${table}_migrations`);
    const again = await opened(table);
    expect(await idsOf(again)).toEqual(['a']);
    expect(await again.writer.remove('a', undefined)).toBe('removed');
  });

  it('refuses a table that a newer version migrated', async () => {
    const table = newTable();
    await opened(table);
    await server.run(`insert into ${table}_migrations values ('9999-later', '2999-01-01T00:00:00.000Z')`);
    await expect(node(table).open()).rejects.toThrow('was migrated by a newer Fanfare');
  });

  it('keeps tables of one name in several schemas apart', async () => {
    const table = newTable();
    await server.run('create schema if not exists tenant');
    const theirs = await opened(`tenant.${table}`);
    await theirs.writer.insert('theirs', app('theirs'));
    const seen = [await theirs.revision()];
    await theirs.writer.update('theirs', app('theirs'), undefined);
    seen.push(await theirs.revision());
    const ours = await opened(table);
    await ours.writer.insert('ours', app('ours'));
    expect([await idsOf(theirs), await idsOf(ours)]).toEqual([['theirs'], ['ours']]);
    expect(await theirs.revision()).toBe(seen[1]);
    expect(new Set([...seen, await ours.revision()]).size).toBe(3);
  });

  it('keeps records as they are, with whatever letters', async () => {
    const source = await opened(newTable());
    const value = { ...app('a'), name: 'Łódź 🎺 \\ " \' % _ \u0001', more: { list: [1, null, true] } };
    await source.writer.insert('a', value);
    expect(await source.load()).toEqual([{ id: 'a', value, version: expect.any(String) }]);
  });

  it('tells ids apart by their case', async () => {
    const source = await opened(newTable());
    await source.writer.insert('a', app('a'));
    expect(await source.writer.insert('A', app('A'))).toEqual({ version: expect.any(String) });
    expect((await idsOf(source)).toSorted()).toEqual(['A', 'a']);
  });

  it('inserts, updates and removes with the version that is there', async () => {
    const source = await opened(newTable());
    const { writer } = source;
    const inserted = await writer.insert('a', app('a'));
    if (inserted === 'exists') throw new Error(inserted);
    expect((await source.load())[0]?.version).toBe(inserted.version);
    const updated = await writer.update('a', app('a', 'other'), inserted.version);
    if (typeof updated === 'string') throw new Error(updated);
    expect(await source.load()).toEqual([{ id: 'a', value: app('a', 'other'), version: updated.version }]);
    expect(updated.version).not.toBe(inserted.version);
    expect(await writer.remove('a', updated.version)).toBe('removed');
    expect(await source.load()).toEqual([]);
  });

  it('has another version even where the same is written again', async () => {
    const { writer } = await opened(newTable());
    const first = await writer.insert('a', app('a'));
    const second = await writer.update('a', app('a'), undefined);
    expect(second).toEqual({ version: expect.any(String) });
    expect(second).not.toEqual(first);
  });

  it('updates and removes whatever is there without a version', async () => {
    const source = await opened(newTable());
    await source.writer.insert('a', app('a'));
    await source.writer.update('a', app('a', 'x'), undefined);
    await source.writer.update('a', app('a', 'y'), undefined);
    expect((await source.load())[0]?.value).toEqual(app('a', 'y'));
    expect(await source.writer.remove('a', undefined)).toBe('removed');
  });

  it('changes nothing where the id is taken, missing or has another version', async () => {
    const source = await opened(newTable());
    const { writer } = source;
    await writer.insert('a', app('a'));
    const [before] = await source.load();
    const revision = await source.revision();
    expect(await writer.insert('a', app('a', 'other'))).toBe('exists');
    expect(await writer.update('a', app('a', 'other'), '1-0')).toBe('changed');
    expect(await writer.remove('a', '1-0')).toBe('changed');
    expect(await writer.update('b', app('b'), undefined)).toBe('missing');
    expect(await writer.remove('b', undefined)).toBe('missing');
    expect(await source.load()).toEqual([before]);
    expect(await source.revision()).toBe(revision);
  });

  it('lets one of many that update one version at one time through', async () => {
    const table = newTable();
    const nodes = [await opened(table), await opened(table)] as const;
    const inserted = await nodes[0].writer.insert('a', app('a'));
    if (inserted === 'exists') throw new Error(inserted);
    const writes = Array.from({ length: 8 }, (_, index) =>
      nodes[index % 2 === 0 ? 0 : 1].writer.update('a', app('a', `key-${index}`), inserted.version),
    );
    const results = await Promise.all(writes);
    expect(results.filter((result) => result === 'changed')).toHaveLength(7);
    expect((await nodes[1].load())[0]?.version).toBe(
      results.flatMap((result) => (typeof result === 'string' ? [] : [result.version]))[0],
    );
  });

  it('lets one of many that take one key or one id at one time through', async () => {
    const table = newTable();
    const nodes = [await opened(table), await opened(table)] as const;
    const insert = (index: number, id: string, key: string) =>
      nodes[index % 2 === 0 ? 0 : 1].writer.insert(id, app(id, key));
    const keys = await Promise.all(Array.from({ length: 6 }, (_, index) => insert(index, `a${index}`, 'same')));
    const ids = await Promise.all(Array.from({ length: 6 }, (_, index) => insert(index, 'b', `b${index}`)));
    for (const results of [keys, ids]) expect(results.filter((result) => result === 'exists')).toHaveLength(5);
  });

  it('gives no key of another app to an app, be it the current or a further one', async () => {
    const source = await opened(newTable());
    const { writer } = source;
    await writer.insert('a', { ...app('a', 'one'), keys: [{ key: 'two', secret: 's' }] });
    await writer.insert('b', app('b', 'three'));
    expect(await writer.insert('c', app('c', 'two'))).toBe('exists');
    expect(await writer.insert('c', { ...app('c'), keys: [{ key: 'one', secret: 's' }] })).toBe('exists');
    expect(await writer.update('b', app('b', 'one'), undefined)).toBe('changed');
    expect(await writer.update('a', app('a', 'two'), undefined)).toEqual({ version: expect.any(String) });
    expect(await writer.insert('c', app('c', 'one'))).toEqual({ version: expect.any(String) });
  });

  it('takes a key for taken where it is a key only', async () => {
    const source = await opened(newTable());
    const { writer } = source;
    await writer.insert('a', { ...app('a', 'a_b'), name: 'axb' });
    for (const [id, key] of Object.entries({ b: 'axb', c: 'A_B', d: 'a%b' })) {
      expect(await writer.insert(id, app(id, key))).toEqual({ version: expect.any(String) });
    }
  });

  it('writes what has no key at all, for those who check it', async () => {
    const { writer } = await opened(newTable());
    expect(await writer.insert('a', {})).toEqual({ version: expect.any(String) });
    expect(await writer.update('a', { keys: 'none' }, undefined)).toEqual({ version: expect.any(String) });
    expect(await writer.insert('b', { keys: [null, 7, {}] })).toEqual({ version: expect.any(String) });
  });

  it('has one revision while nothing changes, and another one after every change', async () => {
    const table = newTable();
    const source = await opened(table);
    const other = await opened(table);
    const seen = [await source.revision()];
    expect(await other.revision()).toBe(seen[0]);
    const next = async (): Promise<void> => {
      expect(await other.revision()).toBe(await source.revision());
      seen.push(await source.revision());
    };
    await source.writer.insert('a', app('a'));
    await next();
    await source.writer.update('a', app('a'), undefined);
    await next();
    await source.writer.insert('b', app('b'));
    await next();
    await source.writer.remove('a', undefined);
    await next();
    expect(new Set(seen).size).toBe(seen.length);
    await source.writer.remove('b', undefined);
    expect(await source.revision()).toBe(seen[0]);
  });

  it('notices what is changed by hand, in the revision and in the version', async () => {
    const table = newTable();
    const source = await opened(table);
    const { writer } = source;
    for (const id of ['a', 'b', 'c']) await writer.insert(id, app(id));
    const seen = [await source.revision()];
    const versions = (await source.load()).map(({ version }) => version);
    const record = JSON.stringify(app('a', 'by-hand'));
    for (const statement of [
      `update ${table} set record = '${record}' where id = 'a'`,
      `update ${table} set id = 'bb' where id = 'b'`,
      `delete from ${table} where id = 'bb'`,
      `insert into ${table} (id, record) values ('d', '${JSON.stringify(app('d'))}')`,
    ]) {
      await server.run(statement);
      seen.push(await source.revision());
    }
    expect(await writer.update('a', app('a'), versions[0])).toBe('changed');
    expect(await writer.remove('a', versions[0])).toBe('changed');
    expect((await source.load())[0]).toMatchObject({ id: 'a', value: app('a', 'by-hand') });
    expect(await writer.insert('e', app('e', 'by-hand'))).toBe('exists');
    // Keys that were let go by hand are free.
    expect(await writer.insert('e', app('e', 'key-b'))).toEqual({ version: expect.any(String) });
    await server.run(`truncate table ${table}`);
    seen.push(await source.revision());
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('hands on a record whose JSON is broken by its id, and lets it be replaced', async () => {
    const table = newTable();
    const source = await opened(table);
    await source.writer.insert('a', app('a'));
    await server.run(`insert into ${table} (id, record) values ('b', '{"key":"key-c"')`);
    const [a, b] = await source.load();
    expect([a?.id, b]).toEqual(['a', { id: 'b', value: undefined, version: expect.any(String) }]);
    expect(await source.writer.insert('c', app('c'))).toEqual({ version: expect.any(String) });
    expect(await source.writer.update('b', app('b'), b?.version)).toEqual({ version: expect.any(String) });
    expect(await idsOf(source)).toEqual(['a', 'b', 'c']);
  });

  it('needs no right to make tables where they are', async () => {
    const table = newTable();
    await opened(table);
    const all = [table, `${table}_lock`, `${table}_migrations`, `${table}_migrations_lock`];
    const user = `writer_${table}`;
    await server.run(`create user ${user} ${server.kind === 'postgres' ? 'password' : 'identified by'} 'w'`);
    for (const one of all) await server.run(`grant select, insert, update, delete on ${one} to ${user}`);
    const source = node(table, server.url.replace(/\/\/[^@]+@/, `//${user}:w@`));
    await source.open();
    expect(await source.writer.insert('a', app('a'))).toEqual({ version: expect.any(String) });
    expect(await idsOf(source)).toEqual(['a']);
  });

  it('can be closed at any time, and twice', async () => {
    const source = await opened(newTable());
    await source.close();
    await source.close();
    await node(newTable()).close();
    await expect(source.revision()).rejects.toThrow(`127.0.0.1:${server.port}, database "shop"`);
  });
});

it.each(['a b', 'a;drop', '1a', 'a.b.c', '', 'a'.repeat(41)])('refuses %j as the name of a table', (table) => {
  expect(() => sqlSource({ url: 'postgres://u:s3cret@h/shop', table, format: 'fanfare' })).toThrow(
    `The table of the apps, "${table}", must be a name`,
  );
});
