// The README's table of the admin API's endpoints, as the OpenAPI document says it.
import { admin, adminToken } from '../http/support/admin.ts';
import { startServer } from './server.ts';

type Paths = Readonly<Record<string, Readonly<Record<string, { readonly summary: string }>>>>;

/** Markdown, without a line break at its end. */
export async function adminTable(): Promise<string> {
  await using server = await startServer({}, { admin: { tokens: [adminToken] } });
  const { json } = await admin(server, 'GET', '/openapi.json');
  const rows = Object.entries(json.paths as Paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { summary }]) => `| \`${method.toUpperCase()} ${path}\` | ${summary} |`),
  );
  return ['| | |', '|---|---|', ...rows].join('\n');
}
