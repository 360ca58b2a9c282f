// The apps in Fanfare's own table: a row an app, its record as JSON text, so that a record that is no app is kept and
// can be refused by its name.
import type { Kysely, Transaction } from 'kysely';
import { sql } from 'kysely';
import type { AppRecord, AppWriter } from '../source.ts';
import type { Database, Tables } from './database.ts';
import { digestOf } from './digest.ts';
import { lockTableOf } from './migrations.ts';

type Row = Readonly<Record<string, unknown>>;

export async function loadOwn(db: Kysely<Tables>, table: string): Promise<readonly AppRecord[]> {
  const rows = await db.selectFrom(table).select(['id', 'record', 'version']).orderBy('id').execute();
  return rows.map((row) => ({ id: String(row.id), value: parse(String(row.record)), version: versionOf(row) }));
}

export class OwnTableWriter implements AppWriter {
  readonly #database: Database;
  readonly #table: string;

  constructor(database: Database, table: string) {
    this.#database = database;
    this.#table = table;
  }

  /** @returns 'exists' also where another node gave one of the keys to another app meanwhile */
  async insert(id: string, value: object): Promise<{ readonly version: string } | 'exists'> {
    return await this.#alone(async (db) => {
      if ((await this.#read(db, id)) !== undefined || (await this.#isKeyTaken(db, id, value))) return 'exists';
      const row = { id, record: JSON.stringify(value), version: 1 };
      await db.insertInto(this.#table).values(row).execute();
      return { version: versionOf(row) };
    });
  }

  /** @returns 'changed' also where another node gave one of the keys to another app meanwhile */
  async update(
    id: string,
    value: object,
    version: string | undefined,
  ): Promise<{ readonly version: string } | 'missing' | 'changed'> {
    return await this.#alone(async (db) => {
      const before = await this.#read(db, id);
      if (before === undefined) return 'missing';
      if (version !== undefined && version !== versionOf(before)) return 'changed';
      if (await this.#isKeyTaken(db, id, value)) return 'changed';
      const after = { record: JSON.stringify(value), version: Number(before.version) + 1 };
      const set = { ...after, updated_at: sql`current_timestamp` };
      await db.updateTable(this.#table).set(set).where('id', '=', id).execute();
      return { version: versionOf(after) };
    });
  }

  async remove(id: string, version: string | undefined): Promise<'removed' | 'missing' | 'changed'> {
    return await this.#alone(async (db) => {
      const before = await this.#read(db, id);
      if (before === undefined) return 'missing';
      if (version !== undefined && version !== versionOf(before)) return 'changed';
      await db.deleteFrom(this.#table).where('id', '=', id).execute();
      return 'removed';
    });
  }

  /**
   * One writer at a time, of all nodes: what it reads stays true until it is done. The isolation is the one in which what
   * is read after the lock was waited for is what the writer before it left: PostgreSQL would take an older view with
   * `repeatable read`, MySQL takes its view with the first plain read and does not log `read committed` everywhere.
   */
  async #alone<T>(work: (db: Transaction<Tables>) => Promise<T>): Promise<T> {
    const isolation = this.#database.address.kind === 'postgres' ? 'read committed' : 'repeatable read';
    return await this.#database.ask((db) =>
      db
        .transaction()
        .setIsolationLevel(isolation)
        .execute(async (transaction) => {
          await transaction.selectFrom(lockTableOf(this.#table)).select('id').forUpdate().execute();
          return await work(transaction);
        }),
    );
  }

  /** Locked also against those who edit the table by hand. */
  async #read(db: Transaction<Tables>, id: string): Promise<Row | undefined> {
    return await db
      .selectFrom(this.#table)
      .select(['record', 'version'])
      .where('id', '=', id)
      .forUpdate()
      .executeTakeFirst();
  }

  /** Asked of the records themselves: a table of keys would not know what was edited by hand. */
  async #isKeyTaken(db: Transaction<Tables>, id: string, value: object): Promise<boolean> {
    const keys = keysOf(value);
    const others = await db
      .selectFrom(this.#table)
      .select('record')
      .where('id', '!=', id)
      .where((where) => where.or(keys.map((key) => where('record', 'like', `%${JSON.stringify(key)}%`))))
      .execute();
    return others.some(({ record }) => keysOf(parse(String(record))).some((key) => keys.includes(key)));
  }
}

/** Also of what is no app, as far as it has any. */
function keysOf(value: unknown): readonly string[] {
  const { key, keys } = Object(value) as { key?: unknown; keys?: unknown };
  const pairs: readonly unknown[] = Array.isArray(keys) ? keys : [];
  return [key, ...pairs.map((pair) => (Object(pair) as { key?: unknown }).key)].filter(
    (one) => typeof one === 'string',
  );
}

/** The counter alone would miss what was edited by hand. */
function versionOf({ record, version }: Row): string {
  return `${version}-${digestOf(String(record))}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
