// The application behind the clients: the `pusher` SDK pointed at a server, auth endpoints that sign with it, and the
// pages a browser loads.
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import Pusher from 'pusher';
import type { TestServer } from '../../support/server.ts';

const require = createRequire(import.meta.url);

/** 32 bytes, for encrypted channels. */
export const masterKey = Buffer.alloc(32, 'fanfare').toString('base64');

/** Who asks, as a session would know it: sent by the clients in the header `x-user`, in JSON. */
export interface Visitor {
  readonly id: string;
  readonly info?: Record<string, unknown>;
  readonly watchlist?: readonly string[];
  /** Presence channels are joined without channel_data, as the signed-in user. */
  readonly bySignIn?: boolean;
}

export function sdk(server: TestServer, options: Partial<Pusher.BaseOptions> = {}): Pusher {
  const { id: appId, key, secret } = server.app;
  return new Pusher({
    appId,
    key,
    secret,
    host: '127.0.0.1',
    port: String(server.port),
    encryptionMasterKeyBase64: masterKey,
    ...options,
  });
}

export interface Backend extends AsyncDisposable {
  readonly sdk: Pusher;
  readonly port: number;
  readonly url: string;
}

const SCRIPTS: Readonly<Record<string, string>> = {
  '/pusher.js': require.resolve('pusher-js').replace('/node/pusher.js', '/web/pusher.js'),
  '/pusher-with-encryption.js': require
    .resolve('pusher-js')
    .replace('/node/pusher.js', '/web/pusher-with-encryption.js'),
  '/echo.js': require.resolve('laravel-echo').replace('echo.common.js', 'echo.iife.js'),
  '/page.js': new URL('./page.js', import.meta.url).pathname,
};

const pageWith = (pusher: string) => `<!doctype html><meta charset="utf-8"><title>page</title>
<script src="${pusher}"></script><script src="/echo.js"></script><script src="/page.js"></script>`;

/** Channels named `…forbidden` are refused with 403, as an application refuses a stranger. */
export async function startBackend(server: TestServer): Promise<Backend> {
  const pusher = sdk(server);

  function authorize(visitor: Visitor, form: URLSearchParams): object | undefined {
    const socketId = form.get('socket_id') ?? '';
    const channel = form.get('channel_name');
    const { id, info = {}, watchlist, bySignIn = false } = visitor;
    if (channel === null) {
      return pusher.authenticateUser(socketId, { id, user_info: info, ...(watchlist !== undefined && { watchlist }) });
    }
    if (channel.endsWith('forbidden')) return undefined;
    const presence = channel.startsWith('presence-') && !bySignIn;
    return pusher.authorizeChannel(socketId, channel, presence ? { user_id: id, user_info: info } : undefined);
  }

  const http = createServer(async (request, response) => {
    const path = request.url ?? '';
    if (request.method === 'POST') {
      const visitor = JSON.parse(String(request.headers['x-user'] ?? '{"id":"visitor"}')) as Visitor;
      const answer = authorize(visitor, new URLSearchParams(await bodyOf(request)));
      response.writeHead(answer === undefined ? 403 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer ?? { message: 'no' }));
      return;
    }
    const script = SCRIPTS[path];
    response.writeHead(200, { 'content-type': script === undefined ? 'text/html' : 'text/javascript' });
    const page = pageWith(path === '/encrypted' ? '/pusher-with-encryption.js' : '/pusher.js');
    response.end(script === undefined ? page : readFileSync(script));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  const stop = async () => {
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  };
  return { sdk: pusher, port, url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: stop };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
