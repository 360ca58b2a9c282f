// fanfare webhooks listen: a receiver of webhooks for development, which verifies each and prints what it says.
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readJson } from '../protocol/json.ts';
import { equalInConstantTime, hmacHex } from '../protocol/signature.ts';
import { type Command, type Edge, exitCodes, parseOptions, UsageError } from './command.ts';
import { eventLine } from './event-line.ts';
import { networkReason } from './network.ts';
import { requireParts, targetOf, targetOptions } from './target.ts';

const options = {
  key: targetOptions.key,
  secret: targetOptions.secret,
  'env-file': targetOptions['env-file'],
  port: { type: 'string' },
  host: { type: 'string' },
  path: { type: 'string' },
} as const;

const DEFAULT_PORT = 9000;
const BODY_BYTES = 8 * 1024 * 1024;

export const webhooks: Command = {
  help: `Usage: fanfare webhooks listen [options]

Receives webhooks of any Pusher-compatible server on this machine, verifies the
signature of each, and prints every event on a line: time, name, channel, what
else it says. The answer is 200, or 401 with the reason where the signature is
wrong. Put the address it prints under webhooks of your app.

Options:
  --port N           the port to listen on (${DEFAULT_PORT}); 0 is any that is free
  --host HOST        the address to listen on (127.0.0.1)
  --path PATH        the only path that is answered; others are 404 (any path)
  --key KEY          the app; the default is what the environment names in
  --secret SECRET    PUSHER_APP_KEY and PUSHER_APP_SECRET (or REVERB_APP_…, or
                     FANFARE_APP_…), else the development app
  --env-file FILE    read such variables from a .env file; real ones win`,
  run: async (args, edge) => {
    const { values, positionals } = parseOptions(args, options);
    if (positionals.length !== 1 || positionals[0] !== 'listen') {
      throw new UsageError(`expected "listen", got "${positionals.join(' ')}"`);
    }
    const { path, port, host = '127.0.0.1' } = values;
    if (path !== undefined && !path.startsWith('/')) throw new UsageError(`--path must start with /, got "${path}"`);
    const app = requireParts(targetOf(values, edge), 'key', 'secret');
    return await listen({ app, host, port: portOf(port), path }, edge);
  },
};

interface Receiving {
  readonly app: { readonly key: string; readonly secret: string };
  readonly host: string;
  readonly port: number;
  readonly path: string | undefined;
}

/** Until a signal. */
async function listen({ app, host, port, path }: Receiving, edge: Edge): Promise<number> {
  const server = createServer((request, response) => {
    const answer = (status: number, text: string) => void response.writeHead(status).end(`${text}\n`);
    if (path !== undefined && request.url?.split('?')[0] !== path) {
      edge.err(`# 404: ${request.method} ${JSON.stringify(request.url)}`);
      answer(404, 'Not found.');
      return;
    }
    bodyOf(request).then(
      (body) => {
        const reason = reasonAgainst(request, body, app);
        if (reason === undefined) for (const line of linesOf(body)) edge.out(line);
        else edge.err(`# refused: ${reason}`);
        answer(reason === undefined ? 200 : 401, reason ?? 'OK');
      },
      () => answer(413, `More than ${BODY_BYTES} bytes.`),
    );
  });
  const stopped = new Promise<void>((resolve) => edge.lifecycle.onSignal(() => resolve()));
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    edge.err(`fanfare: cannot listen on port ${port}: ${listenReason(error)}`);
    return exitCodes.failed;
  }
  const { address, port: actual, family } = server.address() as AddressInfo;
  const authority = family === 'IPv6' ? `[${address}]:${actual}` : `${address}:${actual}`;
  edge.err(`# receiving webhooks of app key ${app.key} at http://${authority}${path ?? '/'}`);
  await stopped;
  server.close();
  server.closeAllConnections();
  return exitCodes.ok;
}

/** Why the request is not this app's webhook; undefined when it is. */
function reasonAgainst(
  { method, headers }: IncomingMessage,
  body: Buffer,
  { key, secret }: Receiving['app'],
): string | undefined {
  if (method !== 'POST') return `a ${method}, where webhooks are POST`;
  const [sentKey, signature] = [headers['x-pusher-key'], headers['x-pusher-signature']];
  if (typeof sentKey !== 'string') return 'there is no X-Pusher-Key';
  if (typeof signature !== 'string') return 'there is no X-Pusher-Signature';
  if (sentKey !== key) return `it is signed with the key ${JSON.stringify(sentKey)}, and ${key} is expected`;
  if (!equalInConstantTime(signature, hmacHex(secret, body))) {
    return 'the signature is wrong: another secret, or the body was changed on its way';
  }
  if (eventsIn(body) === undefined) return 'the body is no webhook: expected {"time_ms":…,"events":[…]}';
  return undefined;
}

function eventsIn(body: Buffer): readonly Readonly<Record<string, unknown>>[] | undefined {
  const { events } = (readJson(body.toString()) ?? {}) as { events?: unknown };
  return Array.isArray(events) ? events.filter((event) => typeof event === 'object' && event !== null) : undefined;
}

/** `12:34:56.789  member_added  presence-room  user_id=7`: without the id, which is for machines. */
function linesOf(body: Buffer): string[] {
  const at = new Date();
  return (eventsIn(body) ?? []).map(({ name, channel, id: _, ...rest }) => {
    const others = Object.entries(rest).map(([key, value]) => `${key}=${text(value)}`);
    return eventLine(at, ...[text(name), text(channel), ...others].filter((part) => part !== ''));
  });
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES) throw new RangeError('too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function listenReason(error: unknown): string {
  const { code } = error as { code?: unknown };
  return code === 'EADDRINUSE' ? 'it is taken, choose another with --port' : networkReason(error);
}

function portOf(given: string | undefined): number {
  if (given === undefined) return DEFAULT_PORT;
  if (!/^\d{1,5}$/.test(given) || Number(given) > 65_535) {
    throw new UsageError(`--port must be a number from 0 to 65535, got "${given}"`);
  }
  return Number(given);
}
