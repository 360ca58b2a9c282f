// A text that is another one once any row of a table was changed, added or removed, by whomever. The database reads and
// hashes the table for it and sends a few bytes. Counters kept by triggers would be cheaper to read; but on MySQL they need
// rights that managed databases do not give, miss TRUNCATE, and soketi's table is not ours to put triggers on.
import { type Kysely, sql } from 'kysely';
import type { DatabaseKind } from './address.ts';
import type { Tables } from './database.ts';

export async function revisionOf(db: Kysely<Tables>, kind: DatabaseKind, table: string): Promise<string> {
  const query = kind === 'postgres' ? ofPostgres(table) : ofMysql(table, await columnsOf(db, table));
  const { rows } = await query.execute(db);
  return rows[0]?.revision ?? '';
}

function ofPostgres(table: string) {
  return sql<{ revision: string }>`
    select concat(count(*), ':', encode(sha256(convert_to(string_agg(digest, '' order by digest), 'UTF8')), 'hex')) as revision
    from (select encode(sha256(convert_to(apps::text, 'UTF8')), 'hex') as digest from ${sql.table(table)} as apps) as digests`;
}

/** GROUP_CONCAT cuts its result short, by default after 1 KB: hence the exclusive or of 64 bits of each row's hash. */
function ofMysql(table: string, columns: readonly string[]) {
  const texts = columns.map((column) => sql`quote(convert(${sql.ref(column)} using utf8mb4))`);
  // Where there is no table there are no columns, and the database says so.
  const row = sql`concat_ws(',', ${sql.join([sql`'row'`, ...texts])})`;
  return sql<{ revision: string }>`
    select concat(count(*), ':', bit_xor(cast(conv(left(sha2(${row}, 256), 16), 16, 10) as unsigned))) as revision
    from ${sql.table(table)}`;
}

async function columnsOf(db: Kysely<Tables>, table: string): Promise<readonly string[]> {
  const [name, schema] = table.split('.').reverse();
  const { rows } = await sql<{ name: string }>`
    select column_name as name from information_schema.columns
    where table_schema = ${schema === undefined ? sql`database()` : schema} and table_name = ${name}
    order by ordinal_position`.execute(db);
  return rows.map((row) => row.name);
}
