// The authorization endpoint: signs channel joins and sign-ins for the clients of apps that have `auth` (auth.md §3).
import formbody from '@fastify/formbody';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isAllowedOrigin } from '../../core/admission.ts';
import type { App } from '../../core/app.ts';
import type { Authorizer, Caller, ChannelGrant } from '../../core/authorization.ts';
import type { Core } from '../../core/core.ts';
import { checkChannelName } from '../../core/events.ts';
import { parseAuthorization } from '../../protocol/authorization-request.ts';
import { RequestError, requestErrors } from '../../protocol/errors.ts';

export interface AuthorizationEndpoint {
  readonly authorizer: Authorizer;
  /** Each also with `/{app key}` behind it. */
  readonly channelPaths: readonly string[];
  readonly userPaths: readonly string[];
}

type AnswerError = (err: unknown) => Pick<RequestError, 'status' | 'message' | 'headers'>;

const BODY_BYTES = 64 * 1024;
const PREFLIGHT_SECONDS = 600;
const HEADER_NAMES = /^[\w!#$%&'*+.^`|~, -]{1,1024}$/;

/** @param answerOf what an error is answered with; here as JSON, `{"error": reason}`. */
export async function broadcastingRoutes(
  fastify: FastifyInstance,
  core: Core,
  { authorizer, channelPaths, userPaths }: AuthorizationEndpoint,
  answerOf: AnswerError,
): Promise<void> {
  fastify.decorateRequest('app');
  fastify.setErrorHandler((err, _request, reply) => {
    const { status, message, headers } = answerOf(err);
    return reply.code(status).headers(headers).send({ error: message });
  });
  await fastify.register(formbody, { bodyLimit: BODY_BYTES });
  fastify.removeContentTypeParser('text/plain');
  fastify.addContentTypeParser('*', { parseAs: 'string' }, (_request, _body, done) => {
    done(new RequestError(415, 'Send a form (application/x-www-form-urlencoded) or JSON (application/json).'));
  });
  const endpoint = (paths: readonly string[], handle: (request: FastifyRequest) => Promise<object>) => {
    for (const url of paths.flatMap((path) => [path, `${path}/:appKey`])) answerAt(fastify, core, url, handle);
  };
  endpoint(channelPaths, (request) => authorizeChannels(authorizer, request));
  endpoint(userPaths, (request) => {
    const { socketId, ...asked } = parseAuthorization(request.body);
    return authorizer.authenticateUser(request.app, callerOf(request, asked.fields), socketId);
  });
}

function answerAt(
  fastify: FastifyInstance,
  core: Core,
  url: string,
  handle: (request: FastifyRequest) => Promise<object>,
): void {
  const onRequest = async (request: FastifyRequest, reply: FastifyReply) => {
    request.app = await findApp(core, (request.params as { appKey?: string }).appKey, url);
    allowOrigin(request, reply);
  };
  fastify.post(url, { onRequest, bodyLimit: BODY_BYTES }, async (request, reply) => {
    reply.header('cache-control', 'no-store');
    return await handle(request);
  });
  fastify.options(url, { onRequest }, (request, reply) => answerPreflight(request, reply));
  fastify.route({
    method: ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'TRACE'],
    url,
    onRequest: (_request, _reply, done) => done(requestErrors.methodNotAllowed('POST')),
    handler: async () => ({}),
  });
}

/** Named by its key in the path, or the only app that has `auth`. */
async function findApp(core: Core, key: string | undefined, path: string): Promise<App> {
  if (key !== undefined) {
    const app = await core.apps.findByKey(key);
    if (app?.auth === undefined) throw new RequestError(404, `No app with the key ${key} has auth configured.`);
    return enabled(app);
  }
  const apps = (await core.apps.list()).filter(({ auth }) => auth !== undefined);
  const [app] = apps;
  if (app === undefined) throw requestErrors.notFound();
  if (apps.length > 1) throw new RequestError(404, `Several apps have auth configured: ask at ${path}/{app key}.`);
  return enabled(app);
}

function enabled(app: App): App {
  if (!app.enabled) throw requestErrors.disabledApp();
  return app;
}

/**
 * CORS for the app's allowedOrigins. Cookies are for origins that are listed: where every page may ask, none may ask in
 * the name of whoever visits it (see callerOf).
 */
function allowOrigin({ app, headers: { origin } }: FastifyRequest, reply: FastifyReply): void {
  if (origin === undefined) return;
  if (!isAllowedOrigin(origin, app.allowedOrigins)) throw new RequestError(403, `Origin not allowed: ${origin}`);
  if (app.allowedOrigins.includes('*')) {
    reply.header('access-control-allow-origin', '*');
    return;
  }
  reply.headers({ 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true', vary: 'Origin' });
}

async function answerPreflight({ headers }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const asked = headers['access-control-request-headers'];
  reply.headers({
    'access-control-allow-methods': 'POST',
    'access-control-max-age': String(PREFLIGHT_SECONDS),
    vary: 'Origin, Access-Control-Request-Headers',
    ...(asked !== undefined && HEADER_NAMES.test(asked) && { 'access-control-allow-headers': asked }),
  });
  return reply.code(204).send();
}

function callerOf(request: FastifyRequest, fields: Readonly<Record<string, unknown>>): Caller {
  const { app, headers, ip: address } = request;
  const isForm = headers['content-type']?.toLowerCase().includes('form') ?? false;
  const { cookie: _, ...uncredited } = headers;
  const trusted = !app.allowedOrigins.includes('*') || !isCrossOrigin(headers);
  return { headers: trusted ? headers : uncredited, address, encoding: isForm ? 'form' : 'json', fields };
}

/**
 * Whether another page than the server's own asks: a browser sends a form with its user's cookies to anywhere, and CORS
 * only keeps the answer from the page. Browsers say so themselves on https (Fetch Metadata §2.3), else Origin tells.
 */
function isCrossOrigin({ 'sec-fetch-site': site, origin, host }: FastifyRequest['headers']): boolean {
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== host?.toLowerCase();
}

/** One channel is answered with its grant, several with an object by channel. */
async function authorizeChannels(authorizer: Authorizer, request: FastifyRequest): Promise<object> {
  const { app } = request;
  const { socketId, channels, several, fields } = parseAuthorization(request.body);
  const caller = callerOf(request, fields);
  const grant = (channel: string) => {
    checkChannelName(channel, app.limits.channelNameLength, app.anyChannelName);
    // Where any character is allowed: what is signed would be the text of another channel's grant, or of a sign-in.
    if (channel.includes(':')) throw requestErrors.channelName(channel);
    return authorizer.authorizeChannel(app, caller, socketId, channel);
  };
  const [first] = channels;
  if (first === undefined) throw requestErrors.missing('channel_name');
  if (several === undefined) return await grant(first);
  const answers = await Promise.all(channels.map(async (channel) => await outcomeOf(() => grant(channel))));
  const refused = sharedRefusal(answers);
  if (refused !== undefined) throw refused;
  return Object.fromEntries(channels.map((channel, index) => [channel, entryOf(answers[index], several)]));
}

type Outcome = ChannelGrant | RequestError;

async function outcomeOf(grant: () => Promise<ChannelGrant>): Promise<Outcome> {
  try {
    return await grant();
  } catch (err) {
    if (err instanceof RequestError) return err;
    throw err;
  }
}

/** A user nobody knows, or a server that cannot decide, is the answer to the whole request. */
function sharedRefusal(answers: readonly Outcome[]): RequestError | undefined {
  const [first] = answers;
  if (!(first instanceof RequestError) || (first.status !== 401 && first.status !== 503)) return undefined;
  return answers.every((other) => other instanceof RequestError && other.status === first.status) ? first : undefined;
}

/** `wrapped` is the form that the pusher-js-auth plugin reads. */
function entryOf(answer: Outcome | undefined, several: 'listed' | 'wrapped'): object {
  if (answer instanceof RequestError) {
    const { status, message: error } = answer;
    return several === 'listed' ? { error, status } : { status, data: { error } };
  }
  return several === 'listed' ? { ...answer } : { status: 200, data: answer };
}
