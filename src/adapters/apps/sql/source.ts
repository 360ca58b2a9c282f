// Apps in a database, PostgreSQL or MySQL/MariaDB: in a table of our own, or in soketi's, which is only read.
import { sql } from 'kysely';
import type { AppRecord, AppSource, AppWriter } from '../source.ts';
import { type DatabaseKind, placeOf, readAddress } from './address.ts';
import { Database } from './database.ts';
import { migrate } from './migrations.ts';
import { loadOwn, OwnTableWriter } from './own-table.ts';
import { revisionOf } from './revision.ts';
import { loadSoketi } from './soketi-table.ts';

export interface SqlSettings {
  /** postgres://, postgresql://, mysql:// or mariadb://, with `sslmode` and the certificates' files where TLS is wanted. */
  readonly url: string;
  /** `table` or `schema.table`. */
  readonly table?: string | undefined;
  readonly format: 'fanfare' | 'soketi';
  /** Whatever is asked fails after this. */
  readonly answerWithinMs?: number;
}

const DEFAULT_TABLE = { fanfare: 'fanfare_apps', soketi: 'apps' } as const;
const ANSWER_WITHIN_MS = 5000;
/** Making tables may wait for the other nodes that start. */
const MIGRATE_WITHIN_MS = 30_000;

/** @throws Error where the URL or the table's name is none */
export function sqlSource(settings: SqlSettings): AppSource {
  const table = settings.table ?? DEFAULT_TABLE[settings.format];
  // Names beside it are made from it, and databases take 63 characters.
  if (!/^([A-Za-z_]\w{0,39}\.)?[A-Za-z_]\w{0,39}$/.test(table)) {
    throw new Error(
      `The table of the apps, "${table}", must be a name of at most 40 letters, digits and "_", or schema.name.`,
    );
  }
  const database = new Database(readAddress(settings.url), settings.answerWithinMs ?? ANSWER_WITHIN_MS);
  return new SqlSource(database, table, settings.format === 'fanfare');
}

class SqlSource implements AppSource {
  readonly name: string;
  readonly writer: AppWriter | undefined;
  readonly #database: Database;
  readonly #table: string;
  readonly #isOwn: boolean;

  constructor(database: Database, table: string, isOwn: boolean) {
    this.name = placeOf(database.address);
    this.writer = isOwn ? new OwnTableWriter(database, table) : undefined;
    this.#database = database;
    this.#table = table;
    this.#isOwn = isOwn;
  }

  async open(): Promise<void> {
    // A database that does not answer is known before the longer deadline begins.
    await this.#database.ask((db) => sql`select 1`.execute(db));
    if (this.#isOwn) await this.#database.ask((db) => migrate(db, this.#kind, this.#table), MIGRATE_WITHIN_MS);
    await this.revision();
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  async revision(): Promise<string> {
    return await this.#database.ask((db) => revisionOf(db, this.#kind, this.#table));
  }

  async load(): Promise<readonly AppRecord[]> {
    return await this.#database.ask((db) => (this.#isOwn ? loadOwn(db, this.#table) : loadSoketi(db, this.#table)));
  }

  get #kind(): DatabaseKind {
    return this.#database.address.kind;
  }
}
