// The WebSocket endpoint: an upgrade request for /app/{key} becomes a connection. The upgrade is completed also when the
// client will be refused, as an HTTP error reaches browsers as 1006 only, and they would retry for ever.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { type Server, WebSocketServer } from 'ws';
import type { App } from '../core/app.ts';
import type { Core } from '../core/core.ts';
import { FRAME_OVERHEAD_BYTES } from '../protocol/limits.ts';
import { Query } from '../protocol/query.ts';
import { Handshakes } from './handshakes.ts';
import { CLOSE_TIMEOUT_MS, Socket } from './socket.ts';

export interface WebSocketEndpointDeps {
  readonly core: Core;
  /** In front of /app, as configured: '' or '/prefix'. Requests without it are served as well. */
  readonly pathPrefix: string;
  readonly log: Logger;
}

const SERVER_OPTIONS = {
  noServer: true,
  clientTracking: false,
  // Off, as frames are built once for all sockets and go around ws; see ws/socket.ts.
  perMessageDeflate: false,
  /** Unanswered WebSocket pings of one peer; a burst of more ends it. */
  maxPendingAutoPongs: 60,
  closeTimeout: CLOSE_TIMEOUT_MS,
  WebSocket: Socket,
};

export class WebSocketEndpoint {
  readonly #deps: WebSocketEndpointDeps;
  /** ws bounds messages per server: one server for each limit in use. */
  readonly #servers = new Map<number, Server<typeof Socket>>();
  readonly #handshakes = new Handshakes();

  constructor(deps: WebSocketEndpointDeps) {
    this.#deps = deps;
  }

  /** For the HTTP server's 'upgrade' event. */
  readonly upgrade = (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
    stream.on('error', ignore);
    this.#accept(request, stream, head).catch((err: unknown) => {
      this.#deps.log.error({ err }, 'a socket could not be accepted');
      stream.destroy();
    });
  };

  async #accept(request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> {
    const [path, query] = splitUrl(request.url ?? '');
    const key = appKey(path, this.#deps.pathPrefix);
    if (key === undefined) return notFound(stream);
    const { core } = this.#deps;
    const app = await core.apps.findByKey(key);
    stream.cork();
    this.#serverFor(app).handleUpgrade(request, stream, head, (socket) => {
      this.#handshakes.add(socket);
      socket.attach(stream, request.headers['x-forwarded-for']?.toString());
      const protocol = new Query(query).get('protocol');
      const connection = core.connect({ app, protocol, origin: request.headers.origin }, socket);
      if (connection !== undefined) socket.serve(connection);
    });
  }

  #serverFor(app: App | undefined): Server<typeof Socket> {
    const maxPayload = (app?.limits.payloadBytes ?? 0) + FRAME_OVERHEAD_BYTES;
    let server = this.#servers.get(maxPayload);
    if (server === undefined) {
      server = new WebSocketServer({ ...SERVER_OPTIONS, maxPayload });
      this.#servers.set(maxPayload, server);
    }
    return server;
  }
}

/** No Pusher client ends here, so that an HTTP answer will do. */
function notFound(stream: Duplex): void {
  // Node leaves an upgrade's stream half-open: without this, a peer that never ends its half keeps it for ever.
  stream.once('finish', () => stream.destroy());
  stream.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 10\r\n\r\nNot found.');
}

function splitUrl(url: string): [path: string, query: string] {
  const mark = url.indexOf('?');
  return mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)];
}

function appKey(path: string, prefix: string): string | undefined {
  const rest = prefix !== '' && path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path;
  const [, key] = /^\/app\/([^/]+)\/?$/.exec(rest) ?? [];
  return key;
}

function ignore(): void {}
