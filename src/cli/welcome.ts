// What a development server prints when it is up: where to connect, and how to see something happen.
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { developmentApp } from '../config/apps.ts';
import type { Config } from '../config/schema.ts';
import { signedUrl } from './signed-request.ts';
import { DEFAULT_URL } from './target.ts';

/** Where the example is, seen from here: in a checkout, or in an installed package. */
const quickstart = relative(
  process.cwd(),
  fileURLToPath(new URL('../../examples/quickstart/server.js', import.meta.url)),
);

/** @param url where the server listens, with its prefix. @param nowMs when the curl line's ten minutes begin. */
export function welcome({ apps }: Config, url: string, nowMs: number): string[] {
  const app = apps.find(({ id, secret }) => id === developmentApp.id && secret === developmentApp.secret);
  const webSocket = url.replace(/^http/, 'ws');
  if (app === undefined) return ['', ...apps.map(({ key }) => `Connect to  ${webSocket}/app/${key}`), ''];
  const at = url === DEFAULT_URL ? '' : ` --url ${url}`;
  const body = JSON.stringify({ name: 'my-event', channels: ['my-channel'], data: '{"text":"hello"}' });
  const curlUrl = signedUrl({ ...app, url, method: 'POST', path: `/apps/${app.id}/events`, body, nowMs });
  return [
    '',
    `Fanfare is ready. Clients connect to ${webSocket}/app/${app.key}`,
    `App id ${app.id}, key ${app.key}, secret ${app.secret}`,
    '',
    'Watch a channel in another terminal:',
    `  npx fanfare listen my-channel${at}`,
    'and send it an event:',
    `  npx fanfare trigger my-channel my-event '{"text":"hello"}'${at}`,
    'or, with a signature that is good for the next 10 minutes:',
    `  curl -H 'Content-Type: application/json' -d '${body}' '${curlUrl}'`,
    '',
    ...chatLines(new URL(url)),
  ];
}

/** The example knows hosts and ports, but neither prefixes nor TLS. */
function chatLines({ protocol, port, pathname }: URL): string[] {
  if (protocol !== 'http:' || pathname !== '/') return [];
  const variables = port === '8080' ? '' : `PUSHER_PORT=${port} `;
  const command = `  ${variables}node ${quickstart}   then open http://127.0.0.1:3000`;
  return ['A chat to try in the browser:', command, ''];
}
