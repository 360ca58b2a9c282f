// The admin API, /admin/v1: for operators with a token, JSON in and out. Each endpoint is in http/admin/.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Administration } from '../../core/administration.ts';
import type { App } from '../../core/app.ts';
import type { Core } from '../../core/core.ts';
import { requestErrors } from '../../protocol/errors.ts';
import { readJson } from '../../protocol/json.ts';
import { BODY_OVERHEAD_BYTES, JSON_ESCAPE_BYTES } from '../../protocol/limits.ts';
import { appEndpoints } from '../admin/apps.ts';
import { channelEndpoints } from '../admin/channels.ts';
import { checked } from '../admin/checked.ts';
import { connectionEndpoints } from '../admin/connections.ts';
import { type Answer, type Endpoint, endpoint } from '../admin/endpoint.ts';
import { eventEndpoints } from '../admin/events.ts';
import { nodeEndpoints } from '../admin/nodes.ts';
import { openApiOf } from '../admin/openapi.ts';
import { AdminTokens } from '../admin/tokens.ts';
import { webhookEndpoints } from '../admin/webhooks.ts';
import { bodyOf } from '../authenticate.ts';
import { readBody } from '../body.ts';

export const ADMIN_PATH = '/admin/v1';

export interface AdminOptions {
  readonly administration: Administration;
  readonly tokens: readonly string[];
  readonly version: string;
  readonly pathPrefix: string;
}

const BODY_BYTES = 1024 * 1024;
const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE'] as const;

/** Everything below is for who has a token, also to learn what is not there. */
export async function adminRoutes(fastify: FastifyInstance, core: Core, options: AdminOptions): Promise<void> {
  const tokens = new AdminTokens(options.tokens);
  fastify.addHook('onRequest', (request, _reply, done) => {
    tokens.check(request.headers.authorization);
    done();
  });
  fastify.decorateRequest('app');
  fastify.addHook('preParsing', async (request) => {
    const { appId } = request.params as { appId?: string };
    if (appId !== undefined) request.app = await findApp(core, appId);
    request.raw.headers['content-type'] = 'application/json';
  });
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (request, payload, done) => {
    readBody(payload as FastifyRequest['raw'], bodyLimit(request.app)).then((body) => done(null, body), done);
  });
  const endpoints = endpointsOf(core, options);
  for (const path of new Set(endpoints.map((one) => one.path))) {
    serve(
      fastify,
      path,
      endpoints.filter((one) => one.path === path),
    );
  }
  fastify.all('/*', async () => {
    throw requestErrors.notFound();
  });
}

/** All endpoints, the one that describes them included. */
function endpointsOf(core: Core, { administration, version, pathPrefix }: AdminOptions): Endpoint[] {
  const document = endpoint({
    method: 'GET',
    path: '/openapi.json',
    summary: 'This document (OpenAPI 3.1).',
    answers: z.looseObject({ openapi: z.string() }),
    handle: async () => ({ answer: openApiOf(all, version, `${pathPrefix}${ADMIN_PATH}`) }),
  });
  const all: Endpoint[] = [
    ...appEndpoints(core),
    ...eventEndpoints(core),
    ...connectionEndpoints(core, administration),
    ...channelEndpoints(core),
    ...webhookEndpoints(core.webhookQueue),
    ...nodeEndpoints(administration),
    document,
  ];
  return all;
}

function serve(fastify: FastifyInstance, path: string, endpoints: readonly Endpoint[]): void {
  const url = path.replace(/\{(\w+)\}/g, ':$1');
  for (const one of endpoints) {
    fastify.route({ method: one.method, url, handler: (request, reply) => handle(one, request, reply) });
  }
  const allowed = endpoints.map(({ method }) => method as string);
  if (allowed.includes('GET')) allowed.push('HEAD');
  fastify.route({
    method: METHODS.filter((method) => !allowed.includes(method)),
    url,
    handler: async () => {
      throw requestErrors.methodNotAllowed(allowed.join(', '));
    },
  });
}

async function handle(one: Endpoint, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const bytes = bodyOf(request);
  const { answer, headers = {} }: Answer = await one.handle({
    params: request.params as Record<string, string>,
    query: checked(one.query ?? z.strictObject({}), queryOf(request.url)),
    body: one.body === undefined ? undefined : checked(one.body, bodyValue(bytes, one.bodyIsOptional)),
    bytes,
    headers: request.headers,
    app: request.app,
  });
  return reply
    .code(one.status ?? 200)
    .headers({ ...headers, 'cache-control': 'no-store' })
    .type('application/json')
    .send(JSON.stringify(answer));
}

function queryOf(url: string): Readonly<Record<string, string>> {
  const mark = url.indexOf('?');
  return mark < 0 ? {} : Object.fromEntries(new URLSearchParams(url.slice(mark + 1)));
}

/** @throws RequestError 400 */
function bodyValue(bytes: Buffer, isOptional = false): unknown {
  if (bytes.length === 0 && isOptional) return {};
  const value = readJson(bytes.toString());
  if (value === undefined) throw requestErrors.invalidJson();
  return value;
}

/** @throws RequestError 404 */
async function findApp(core: Core, appId: string): Promise<App> {
  const app = await core.apps.findById(appId);
  if (app === undefined) throw requestErrors.unknownApp(appId);
  return app;
}

/** What the signed API takes of the app, where that is more. */
function bodyLimit(app: App | undefined): number {
  const ofEvent = (app?.limits.payloadBytes ?? 0) * JSON_ESCAPE_BYTES + BODY_OVERHEAD_BYTES;
  return Math.max(BODY_BYTES, ofEvent);
}
