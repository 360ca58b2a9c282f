// What the drivers report, in words for whoever runs the server: what, where, what to do. The drivers' own errors go no
// further: they carry statements, hence secrets of apps.
import { type DatabaseAddress, placeOf } from './address.ts';

const UNREACHABLE = 'cannot be reached. Is it running, and are the host and the port of the URL right?';
const LOST = 'closed the connection. It may be starting or stopping.';
const CREDENTIALS = 'refused the user or the password. Check both in the URL (special characters are written as %XX).';
const NO_DATABASE = 'does not exist there. Create the database, or correct the name at the end of the URL.';
const NO_TABLE =
  'has no such table or column. Check the name of the table, and that the database is the right one. Tables of its own that are missing Fanfare makes when it starts: restore them, or start it anew.';
const NO_RIGHTS =
  'does not let this user do that. GRANT the user the right: Fanfare reads its table, and where the table is its own also makes and writes it.';
const TOO_MANY = 'takes no further connections. Raise its limit of connections, or close some.';
const READ_ONLY = 'takes no changes at this moment. Is it a replica? Name the primary in the URL.';
const NO_TLS = 'does not speak TLS. Switch it on there, or write sslmode=disable in the URL.';
const CERTIFICATE =
  'has a certificate that is not trusted. Name its authority with sslrootcert=FILE in the URL, and the host as the certificate does.';
const NOT_UNDERSTOOD = 'did not take a statement of ours.';
const NEWER = 'was migrated by a newer Fanfare. Run that version, or restore the table as this one knew it.';

/** By `code` of Node, PostgreSQL (SQLSTATE, appendix A of its manual), MySQL and mysql2. */
const BY_CODE: Readonly<Record<string, string>> = {
  ECONNREFUSED: UNREACHABLE,
  ENOTFOUND: UNREACHABLE,
  EAI_AGAIN: UNREACHABLE,
  EHOSTUNREACH: UNREACHABLE,
  ENETUNREACH: UNREACHABLE,
  ETIMEDOUT: UNREACHABLE,
  ECONNRESET: LOST,
  EPIPE: LOST,
  PROTOCOL_CONNECTION_LOST: LOST,
  '57P01': LOST,
  '57P02': LOST,
  '57P03': LOST,
  '28000': CREDENTIALS,
  '28P01': CREDENTIALS,
  ER_ACCESS_DENIED_ERROR: CREDENTIALS,
  '3D000': NO_DATABASE,
  ER_BAD_DB_ERROR: NO_DATABASE,
  '42P01': NO_TABLE,
  '42703': NO_TABLE,
  ER_NO_SUCH_TABLE: NO_TABLE,
  ER_BAD_FIELD_ERROR: NO_TABLE,
  '42501': NO_RIGHTS,
  ER_DBACCESS_DENIED_ERROR: NO_RIGHTS,
  ER_TABLEACCESS_DENIED_ERROR: NO_RIGHTS,
  ER_COLUMNACCESS_DENIED_ERROR: NO_RIGHTS,
  '53300': TOO_MANY,
  ER_CON_COUNT_ERROR: TOO_MANY,
  '25006': READ_ONLY,
  ER_OPTION_PREVENTS_STATEMENT: READ_ONLY,
  HANDSHAKE_NO_SSL_SUPPORT: NO_TLS,
};

/** What the database says there has parts of the statement in it, hence perhaps of a secret. */
const QUOTES_US = /^(42601|22P02|22007|ER_PARSE_ERROR|ER_SYNTAX_ERROR|ER_TRUNCATED_WRONG_VALUE.*|ER_WRONG_VALUE.*)$/;

/** Where a driver gives no code, or one of its own for all of TLS. */
const BY_MESSAGE: readonly (readonly [RegExp, string])[] = [
  [/does not support SSL/, NO_TLS],
  [/certificate/, CERTIFICATE],
  [/^Connection (terminated|lost)|closed state/, LOST],
  [/^corrupted migrations/, NEWER],
];

/** @returns a new Error without the driver's; what already speaks to people is left as it is */
export function explain(err: unknown, address: DatabaseAddress): Error {
  const place = placeOf(address);
  const { code, message } = err as { code?: unknown; message?: unknown };
  const said = String(message ?? err);
  if (said.startsWith(place)) return new Error(said);
  if (QUOTES_US.test(String(code))) return new Error(`${place} ${NOT_UNDERSTOOD} It says ${code}.`);
  const known = BY_CODE[String(code)] ?? BY_MESSAGE.find(([pattern]) => pattern.test(said))?.[1];
  return new Error(
    `${place} ${known ?? 'refused.'}${said === '' ? '' : ` It says: ${withoutPassword(said, address)}`}`,
  );
}

function withoutPassword(text: string, { password }: DatabaseAddress): string {
  return password === '' ? text : text.replaceAll(password, '…');
}
