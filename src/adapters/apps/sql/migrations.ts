// The tables of Fanfare's own format, and how older ones become them. A migration that was released is never edited: the
// next one is added. Safe where several nodes start at once: Kysely holds a lock of the database meanwhile.
import { type Kysely, type Migration, Migrator, sql } from 'kysely';
import type { DatabaseKind } from './address.ts';
import type { Tables } from './database.ts';

/** The table that writers lock, one after the other; it has one row. */
export const lockTableOf = (table: string): string => `${table}_lock`;

/**
 * Also makes what is missing though it was made once, as after a restored backup that has only some of the tables.
 * @throws Error of the driver, or of Kysely where the tables were made by a newer version
 */
export async function migrate(db: Kysely<Tables>, kind: DatabaseKind, table: string): Promise<void> {
  await migrateToLatest(db, kind, table);
  if (await isWhole(db, table)) return;
  await db.deleteFrom(`${table}_migrations`).execute();
  await migrateToLatest(db, kind, table);
}

async function isWhole(db: Kysely<Tables>, table: string): Promise<boolean> {
  try {
    await db.selectFrom(table).select('id').limit(1).execute();
    return (await db.selectFrom(lockTableOf(table)).select('id').execute()).length > 0;
  } catch (err) {
    if (['42P01', 'ER_NO_SUCH_TABLE'].includes(String((err as { code?: unknown }).code))) return false;
    throw err;
  }
}

async function migrateToLatest(db: Kysely<Tables>, kind: DatabaseKind, table: string): Promise<void> {
  const [name = table, schema = await currentSchema(db, kind)] = table.split('.').reverse();
  const { error } = await new Migrator({
    db,
    provider: { getMigrations: async () => migrationsOf(kind, table) },
    migrationTableName: `${name}_migrations`,
    migrationLockTableName: `${name}_migrations_lock`,
    ...(schema === undefined ? {} : { migrationTableSchema: schema }),
  }).migrateToLatest();
  if (error !== undefined) throw error;
}

/** Without it Kysely takes the tables of another schema for its own. */
async function currentSchema(db: Kysely<Tables>, kind: DatabaseKind): Promise<string | undefined> {
  if (kind === 'mysql') return undefined;
  const { rows } = await sql<{ name: string | null }>`select current_schema() as name`.execute(db);
  return rows[0]?.name ?? undefined;
}

/** MySQL commits every statement that makes a table: each must be fit to be run again after one that failed half-way. */
function migrationsOf(kind: DatabaseKind, table: string): Record<string, Migration> {
  return { '0001-apps': { up: (db: Kysely<Tables>) => makeTables(db, kind, table) } };
}

async function makeTables(db: Kysely<Tables>, kind: DatabaseKind, table: string): Promise<void> {
  // Ids are compared letter by letter, which is not what MySQL does by itself.
  const exact = kind === 'mysql' ? sql` character set utf8mb4 collate utf8mb4_bin` : sql``;
  const engine = kind === 'mysql' ? sql`engine = InnoDB` : sql``;
  const long = kind === 'mysql' ? sql`longtext` : sql`text`;
  await db.schema
    .createTable(table)
    .ifNotExists()
    .addColumn('id', sql`varchar(255)${exact}`, (column) => column.primaryKey())
    .addColumn('record', sql`${long}${exact}`, (column) => column.notNull())
    .addColumn('version', 'bigint', (column) => column.notNull().defaultTo(1))
    .addColumn('updated_at', 'timestamp', (column) => column.notNull().defaultTo(sql`current_timestamp`))
    .modifyEnd(engine)
    .execute();
  await db.schema
    .createTable(lockTableOf(table))
    .ifNotExists()
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .modifyEnd(engine)
    .execute();
  const locks = await db.selectFrom(lockTableOf(table)).select('id').execute();
  if (locks.length === 0) await db.insertInto(lockTableOf(table)).values({ id: 1 }).execute();
}
