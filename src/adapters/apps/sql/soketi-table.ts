// The apps in soketi's table, as it is.
import type { Kysely } from 'kysely';
import type { AppRecord } from '../source.ts';
import type { Tables } from './database.ts';
import { digestOf } from './digest.ts';
import { appOf } from './soketi-app.ts';

export async function loadSoketi(db: Kysely<Tables>, table: string): Promise<readonly AppRecord[]> {
  const rows = await db.selectFrom(table).selectAll().orderBy('id').execute();
  return rows.map((row) => ({ id: String(row.id ?? ''), value: appOf(row), version: digestOf(JSON.stringify(row)) }));
}
