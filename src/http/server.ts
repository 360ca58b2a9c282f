// The HTTP API on Fastify: routes, and the one place where errors are answered.
import { readFileSync } from 'node:fs';
import { fastify as createFastify, type FastifyInstance, type FastifyReply, type FastifyServerOptions } from 'fastify';
import type { Logger } from 'pino';
import type { Core } from '../core/core.ts';
import { RequestError, requestErrors } from '../protocol/errors.ts';
import { Query } from '../protocol/query.ts';
import { requireSignature } from './authenticate.ts';
import { answerClientError } from './client-error.ts';
import { Front } from './front.ts';
import { Pipelines } from './pipelines.ts';
import { Publisher } from './publisher.ts';
import { pathRefusal, refuse } from './refusal.ts';
import { ADMIN_PATH, adminRoutes } from './routes/admin.ts';
import { type AuthorizationEndpoint, broadcastingRoutes } from './routes/broadcasting.ts';
import { channelRoutes } from './routes/channels.ts';
import { eventRoutes } from './routes/events.ts';
import { healthRoutes } from './routes/health.ts';
import { connectionRoutes, openStatsRoutes, signedStatsRoutes, type WebhookCounts } from './routes/stats.ts';
import { userRoutes } from './routes/users.ts';

export interface HttpServerOptions {
  /** '' or '/prefix': taken off paths that have it. A proxy may have done so already. */
  readonly pathPrefix: string;
  readonly tls:
    | { readonly certFile: string; readonly keyFile: string; readonly caFile?: string | undefined }
    | undefined;
  /** Whether statistics are for everybody who can connect. */
  readonly development: boolean;
  readonly version: string;
  /** Counted since the start, for statistics: it goes on counting. */
  readonly webhooks: Readonly<WebhookCounts>;
  readonly authorization: AuthorizationEndpoint;
  /** Empty: there is no admin API. */
  readonly adminTokens: readonly string[];
}

/** Slow senders hold a connection no longer than this. */
const REQUEST_TIMEOUT_MS = 60_000;
/** Channel names of 200 characters, percent-encoded UTF-8. */
const MAX_PARAMETER_LENGTH = 4096;
const ABSOLUTE_FORM = /^https?:\/\/[^/?]*/i;

export interface HttpServer {
  readonly fastify: FastifyInstance;
  /** Takes no more requests; resolves when those under way are answered and all connections are gone. */
  close(): Promise<void>;
  /** Ends the connections that are left. */
  destroy(): void;
}

export function createHttpServer(core: Core, options: HttpServerOptions, log: Logger): HttpServer {
  const { administration } = core;
  const hasAdmin = administration !== undefined;
  const pipelines = new Pipelines();
  const fastify = createFastify(serverOptions(options, hasAdmin, pipelines));
  fastify.server.prependListener('request', pipelines.add);
  fastify.setErrorHandler((err, _request, reply) => refuse(reply, refusalOf(err, log), hasAdmin));
  fastify.setNotFoundHandler(() => {
    throw requestErrors.notFound();
  });
  fastify.addHook('onSend', (_request, reply, _payload, done) => {
    // A connection kept alive after its last answer would hold up the stop until the deadline.
    if (core.draining && pipelines.isLast(reply.raw)) reply.header('connection', 'close');
    done();
  });
  fastify.register(async (open) => {
    healthRoutes(open, core, options.version);
    if (options.development) openStatsRoutes(open, core, options.webhooks);
  });
  fastify.register(async (asking) => {
    await broadcastingRoutes(asking, core, options.authorization, (err) => refusalOf(err, log));
  });
  if (administration !== undefined) {
    const { adminTokens: tokens, version, pathPrefix } = options;
    const admin = { administration, tokens, version, pathPrefix };
    const register = (asking: FastifyInstance) => adminRoutes(asking, core, admin);
    fastify.register(register, { prefix: ADMIN_PATH });
  }
  fastify.register(async (signed) => {
    requireSignature(signed, core.apps, options.pathPrefix);
    eventRoutes(signed, core);
    channelRoutes(signed, core);
    userRoutes(signed, core);
    connectionRoutes(signed, core);
    if (!options.development) signedStatsRoutes(signed, core, options.webhooks);
  });
  const { keepAliveTimeout: keepAliveMs } = fastify.server;
  const { pathPrefix } = options;
  const publisher = new Publisher(core, { pathPrefix, keepAliveMs, refusalOf: (err) => refusalOf(err, log) });
  const front = new Front(fastify.server, publisher, keepAliveMs);
  return {
    fastify,
    close: async () => {
      front.close();
      await fastify.close();
    },
    destroy: () => {
      front.destroy();
      fastify.server.closeAllConnections();
    },
  };
}

function serverOptions(
  { pathPrefix, tls }: HttpServerOptions,
  hasAdmin: boolean,
  pipelines: Pipelines,
): FastifyServerOptions {
  const options: FastifyServerOptions & { https?: object } = {
    logger: false,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    clientErrorHandler: (err, socket) => pipelines.whenAnswered(socket, () => answerClientError(err, socket)),
    frameworkErrors: (err, _request, reply) => {
      refuse(reply as unknown as FastifyReply, pathRefusal(err), hasAdmin);
    },
    routerOptions: {
      maxParamLength: MAX_PARAMETER_LENGTH,
      ignoreTrailingSlash: true,
      // `request.query` is a Query: parsed once, as the signature sees it.
      querystringParser: (text) => new Query(text) as unknown as Record<string, unknown>,
    },
  };
  if (tls !== undefined) {
    options.https = {
      cert: readFileSync(tls.certFile),
      key: readFileSync(tls.keyFile),
      ...(tls.caFile !== undefined && { ca: readFileSync(tls.caFile) }),
    };
  }
  options.rewriteUrl = ({ url = '/' }) => {
    // What proxies are sent, and servers have to take as well (RFC 9112 §3.2.2).
    const path = url.replace(ABSOLUTE_FORM, '');
    return pathPrefix !== '' && path.startsWith(`${pathPrefix}/`) ? path.slice(pathPrefix.length) : path;
  };
  return options;
}

/** What Fastify itself refuses has a status below 500; everything else that is not ours is a bug. */
function refusalOf(err: unknown, log: Logger): RequestError {
  if (err instanceof RequestError) return err;
  const { statusCode, message } = err as { statusCode?: number; message?: string };
  if (statusCode !== undefined && statusCode < 500) return new RequestError(statusCode, message ?? '');
  log.error({ err }, 'a request could not be answered');
  return new RequestError(500, 'Internal server error.');
}
