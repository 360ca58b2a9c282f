// The apps in soketi's table, as it is.
import type { Kysely } from 'kysely';
import type { AppRecord } from '../source.ts';
import type { Tables } from './database.ts';
import { digestOf } from './digest.ts';
import { appOf, type SoketiRow } from './soketi-app.ts';

export async function loadSoketi(db: Kysely<Tables>, table: string): Promise<readonly AppRecord[]> {
  const rows = await db.selectFrom(table).selectAll().orderBy('id').execute();
  return rows.map(recordOf);
}

function recordOf(row: SoketiRow): AppRecord {
  const remarks = new Set<string>();
  const value = appOf(row, (remark) => remarks.add(remark));
  const record = { id: String(row.id ?? ''), value, version: digestOf(JSON.stringify(row)) };
  return remarks.size === 0 ? record : { ...record, remarks: [...remarks] };
}
