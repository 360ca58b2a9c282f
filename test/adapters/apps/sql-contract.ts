// The contract of stores of apps over a database, and soketi's table through the same store: one file runs it for each
// kind of database.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sqlSource } from '../../../src/adapters/apps/sql/source.ts';
import { DATABASE, type TestDatabase } from '../../support/database-server.ts';
import { freePort, Gate } from '../../support/redis.ts';
import { appStoreContract, makeApp, Node, type Place } from './contract.ts';

let tables = 0;

/** A table of its own, reached through a gate. */
class Table implements Place {
  readonly #server: TestDatabase;
  readonly #table: string;
  readonly #gate: Gate;

  private constructor(server: TestDatabase, table: string, gate: Gate) {
    this.#server = server;
    this.#table = table;
    this.#gate = gate;
  }

  static async make(server: TestDatabase): Promise<Table> {
    const gate = new Gate(await freePort(), server.port);
    await gate.open();
    return new Table(server, `apps_${++tables}`, gate);
  }

  source() {
    const url = this.#server.url.replace(`:${this.#server.port}/`, `:${this.#gate.port}/`);
    return sqlSource({ url, table: this.#table, format: 'fanfare' });
  }

  async write(id: string, value: unknown): Promise<void> {
    const source = this.source();
    await source.open();
    await source.close();
    const record = JSON.stringify(value).replaceAll("'", "''");
    await this.#server.run(`delete from ${this.#table} where id = '${id}'`);
    await this.#server.run(`insert into ${this.#table} (id, record) values ('${id}', '${record}')`);
  }

  async leave(): Promise<void> {
    await this.#gate.close();
  }

  async comeBack(): Promise<void> {
    await this.#gate.open();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gate.close();
  }
}

/** @param start makes the server */
export function sqlContract(name: string, start: () => Promise<TestDatabase>): void {
  let server: TestDatabase;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  appStoreContract(name, () => Table.make(server));

  describe(`apps in soketi's table in ${name}`, () => {
    it('serve with their limits, cannot be changed here, and what changes there is noticed', async () => {
      const key = server.kind === 'postgres' ? '"key"' : '`key`';
      const table = `soketi_${++tables}`;
      await server.run(
        `create table ${table} (id varchar(9), ${key} varchar(9), secret varchar(9), max_connections integer)`,
      );
      await server.run(`insert into ${table} values ('a', 'key-a', 'secret-a', 5), ('b', 'no key', 'secret-b', -1)`);
      await using node = await new Node(sqlSource({ url: server.url, table, format: 'soketi' }), {
        lookEveryMs: 50,
      }).start();
      expect(await node.store.list()).toEqual([makeApp('a', { limits: { connections: 5 } })]);
      expect(node.store.refused()).toEqual([{ id: 'b', reason: expect.stringContaining('key: may hold') }]);
      expect(node.store.editor).toBeUndefined();
      await server.run(`update ${table} set max_connections = -1 where id = 'a'`);
      await node.changed('a');
      expect(await node.store.findByKey('key-a')).toEqual(makeApp('a'));
      expect(JSON.stringify(node.log.entries)).not.toContain(DATABASE.password);
    });

    it('say once what is served otherwise than it is written', async () => {
      const key = server.kind === 'postgres' ? '"key"' : '`key`';
      const table = `soketi_${++tables}`;
      await server.run(`create table ${table} (id varchar(9), ${key} varchar(9), secret varchar(9), webhooks text)`);
      const webhooks = ['https://a.example/hook?token=hush', 'https://b.example'].map((url) => ({
        url,
        event_types: ['member_added'],
        headers: { 'Content-Type': 'hush' },
      }));
      const row = `'key-a', 'secret-a', '${JSON.stringify(webhooks)}'`;
      await server.run(`insert into ${table} values ('a', ${row})`);
      await using node = await new Node(sqlSource({ url: server.url, table, format: 'soketi' }), {
        lookEveryMs: 50,
      }).start();
      const [app] = await node.store.list();
      expect(app?.webhooks.map(({ url }) => url)).toEqual(webhooks.map(({ url }) => url));
      await server.run(`insert into ${table} values ('b', 'key-b', 'secret-b', null)`);
      await node.changed('b');
      const said = node.log.entries.filter(({ msg }) => msg === 'an app is served otherwise than it is written');
      expect(said).toEqual([
        expect.objectContaining({
          appId: 'a',
          remarks: [
            'webhooks: 0: the header Content-Type is one that the server sets itself, and is left out',
            'webhooks: 1: the header Content-Type is one that the server sets itself, and is left out',
          ],
        }),
      ]);
      expect(JSON.stringify(node.log.entries)).not.toMatch(/hush|secret-a/);
    });
  });
}
