// What a Fanfare server says of itself: GET /stats.
import { signed } from './api-request.ts';
import { authority, type Server } from './target.ts';
import { CaseFailed } from './until.ts';

interface Stats {
  readonly apps: Readonly<Record<string, { readonly messages: { readonly slowReaders: number } }>>;
}

/** How many sockets of the app it has closed with 4100, since its start, as they read too slowly. @throws CaseFailed */
export async function slowReadersClosed(server: Server): Promise<number> {
  const response = await fetch(`http://${authority(server)}${signed(server, 'GET', '/stats')}`);
  if (!response.ok) throw new CaseFailed(`GET /stats was answered with ${response.status}`);
  const { apps } = (await response.json()) as Stats;
  return apps[server.app.id]?.messages.slowReaders ?? 0;
}
