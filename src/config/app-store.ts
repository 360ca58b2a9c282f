// Where the apps are: in the configuration, or where they can be changed while the server runs. Pure.
import { z } from 'zod';

const text = (description: string) => z.string().min(1, 'must not be empty').describe(description);

const DATABASES = ['postgres:', 'postgresql:', 'mysql:', 'mariadb:'];

const sqlSchema = z
  .strictObject({
    url: z
      .string()
      .refine(isDatabaseUrl, 'must be postgres://user:password@host[:port]/database or mysql://…, percent-encoded')
      .describe('postgres://user:password@host:port/database, or mysql:// for MySQL and MariaDB.'),
    table: z
      .string()
      .regex(/^([A-Za-z_]\w{0,39}\.)?[A-Za-z_]\w{0,39}$/, 'must be a name of letters, digits and "_", or schema.name')
      .optional()
      .describe('The table of the apps. Left out: fanfare_apps, or with format soketi: apps.'),
    format: z
      .enum(['fanfare', 'soketi'])
      .default('fanfare')
      .describe(
        'fanfare: a table of our own, which is made if it is not there. soketi: the table of soketi, only read.',
      ),
  })
  .optional()
  .describe('The database of the apps, with driver sql.');

export const appStoreSchema = z
  .strictObject({
    driver: z
      .enum(['config', 'file', 'redis', 'sql'])
      .default('config')
      .describe(
        'Where the apps are. config: under apps, fixed. file: a JSON file. redis: in the Redis of redis. sql: a database.',
      ),
    file: text(
      'The JSON file of the apps, with driver file: made if it is not there, changed while the server runs.',
    ).optional(),
    sql: sqlSchema,
  })
  .check(z.superRefine(requirePlace, { when: () => true }))
  .prefault({})
  .describe('Where the apps are. With a driver other than config they can be changed while the server runs.');

function requirePlace(appStore: unknown, context: z.RefinementCtx): void {
  if (typeof appStore !== 'object' || appStore === null) return;
  const given = appStore as Readonly<Record<string, unknown>>;
  const missing = { file: 'file', sql: 'sql' }[String(given.driver)];
  if (missing === undefined || given[missing] !== undefined) return;
  const what = missing === 'file' ? 'the JSON file of the apps' : 'a group with the url of the database';
  context.addIssue({ code: 'custom', path: [missing], message: `is needed with driver ${missing}: ${what}` });
}

function isDatabaseUrl(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname, pathname } = new URL(url);
  return DATABASES.includes(protocol) && hostname !== '' && /^\/[^/]+$/.test(pathname);
}
