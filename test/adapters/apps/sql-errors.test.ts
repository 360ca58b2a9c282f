// What drivers report, as it is said to people.
import { expect, it } from 'vitest';
import { readAddress } from '../../../src/adapters/apps/sql/address.ts';
import { explain } from '../../../src/adapters/apps/sql/errors.ts';

const address = readAddress('postgres://u:s3cret@db:5432/shop');
const place = 'PostgreSQL at db:5432, database "shop"';
const say = (message: string, code?: string): string =>
  explain(Object.assign(new Error(message), { code }), address).message;

it.each([
  ['ECONNREFUSED', 'cannot be reached'],
  ['ENOTFOUND', 'cannot be reached'],
  ['EAI_AGAIN', 'cannot be reached'],
  ['EHOSTUNREACH', 'cannot be reached'],
  ['ENETUNREACH', 'cannot be reached'],
  ['ETIMEDOUT', 'cannot be reached'],
  ['ECONNRESET', 'closed the connection'],
  ['EPIPE', 'closed the connection'],
  ['PROTOCOL_CONNECTION_LOST', 'closed the connection'],
  ['57P01', 'closed the connection'],
  ['57P02', 'closed the connection'],
  ['57P03', 'closed the connection'],
  ['28000', 'refused the user or the password'],
  ['28P01', 'refused the user or the password'],
  ['ER_ACCESS_DENIED_ERROR', 'refused the user or the password'],
  ['3D000', 'does not exist there'],
  ['ER_BAD_DB_ERROR', 'does not exist there'],
  ['42P01', 'has no such table or column'],
  ['42703', 'has no such table or column'],
  ['ER_NO_SUCH_TABLE', 'has no such table or column'],
  ['ER_BAD_FIELD_ERROR', 'has no such table or column'],
  ['42501', 'does not let this user do that'],
  ['ER_DBACCESS_DENIED_ERROR', 'does not let this user do that'],
  ['ER_TABLEACCESS_DENIED_ERROR', 'does not let this user do that'],
  ['ER_COLUMNACCESS_DENIED_ERROR', 'does not let this user do that'],
  ['53300', 'takes no further connections'],
  ['ER_CON_COUNT_ERROR', 'takes no further connections'],
  ['25006', 'Is it a replica?'],
  ['ER_OPTION_PREVENTS_STATEMENT', 'Is it a replica?'],
  ['HANDSHAKE_NO_SSL_SUPPORT', 'does not speak TLS'],
])('%s: it %s', (code, words) => {
  expect(say('as the driver has it', code)).toContain(words);
  expect(say('as the driver has it', code)).toMatch(new RegExp(`^${place} .* It says: as the driver has it$`));
});

it.each([
  ['The server does not support SSL connections', 'does not speak TLS'],
  ['self-signed certificate', 'has a certificate that is not trusted'],
  ['unable to verify the first certificate', 'has a certificate that is not trusted'],
  ['Connection terminated unexpectedly', 'closed the connection'],
  ['Connection lost: The server closed the connection.', 'closed the connection'],
  ["Can't add new command when connection is in closed state", 'closed the connection'],
  ['corrupted migrations: previously executed migration 2 is missing', 'was migrated by a newer Fanfare'],
])('%s: it %s', (message, words) => {
  expect(say(message)).toContain(`${place} ${words}`);
});

it('says what it does not know in the words of the driver, without the password', () => {
  expect(say('no s3cret for s3cret', 'XX000')).toBe(`${place} refused. It says: no … for …`);
  expect(explain('just text', address).message).toBe(`${place} refused. It says: just text`);
  expect(say('', 'ECONNREFUSED')).toMatch(/of the URL right\?$/);
  expect(explain(new Error('x'), readAddress('postgres://db/shop')).message).toMatch(/It says: x$/);
});

it.each([
  ['ER_PARSE_ERROR', "You have an error in your SQL syntax near 'the-secret' at line 1"],
  ['ER_TRUNCATED_WRONG_VALUE_FOR_FIELD', "Incorrect string value: 'the-secret' for column `record`"],
  ['42601', 'syntax error at or near "the-secret"'],
  ['22P02', 'invalid input syntax for type bigint: "the-secret"'],
])('%s: it says what went wrong without the statement, which the driver quotes', (code, message) => {
  expect(say(message, code)).toBe(`${place} did not take a statement of ours. It says ${code}.`);
});

it('carries nothing of the driver’s error, which has the statement', () => {
  const driver = Object.assign(new Error('x'), { sql: "insert … 's3cret'", detail: 's3cret' });
  const error = explain(driver, address);
  expect(Object.keys(error)).toEqual([]);
  expect(error.cause).toBeUndefined();
});

it('leaves what already speaks to people as it is', () => {
  expect(say(`${place} did not answer within 5 s.`)).toBe(`${place} did not answer within 5 s.`);
});
