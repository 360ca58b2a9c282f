// Who asks: finds the app of a request, reads the body within the app's limit, and verifies the signature over the
// bytes as they came (auth.md §4.3). In the order app, size, signature; JSON and fields are the routes' to check.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { App } from '../core/app.ts';
import type { AppStore } from '../core/app-store.ts';
import { endOfKey, pairOf } from '../core/key-pairs.ts';
import { RequestError, requestErrors } from '../protocol/errors.ts';
import { BODY_OVERHEAD_BYTES, JSON_ESCAPE_BYTES } from '../protocol/limits.ts';
import type { Query } from '../protocol/query.ts';
import { type Credentials, verifyRequest } from '../protocol/signature.ts';
import { readBody } from './body.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The app that is asked for; routes run only once its signature was verified. */
    app: App;
  }
}

const NO_BODY = Buffer.alloc(0);

/** All routes of the instance are for signed requests of an app, named by its id in the path or by `auth_key`. */
export function requireSignature(fastify: FastifyInstance, apps: AppStore, pathPrefix: string): void {
  fastify.decorateRequest('app');
  // After the routes' own onRequest, so that a wrong method is answered first.
  fastify.addHook('preParsing', async (request) => {
    request.app = await findApp(apps, appIdOf(request), queryOf(request));
    // Bodies are JSON whatever the type says, also where Fastify could not read the type: body_md5 covers the bytes.
    request.raw.headers['content-type'] = 'application/json';
  });
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (request, payload, done) => {
    readBody(payload as FastifyRequest['raw'], bodyLimit(request.app)).then((body) => done(null, body), done);
  });
  fastify.addHook('preHandler', async (request) => {
    // Once more: a body may take a minute to come, and the app may have changed by then.
    request.app = await findApp(apps, appIdOf(request), queryOf(request));
    const { method, url } = request;
    verify(request.app, { method, url, query: queryOf(request), body: bodyOf(request) }, pathPrefix);
  });
}

function appIdOf(request: FastifyRequest): string | undefined {
  return (request.params as { appId?: string }).appId;
}

/** @throws RequestError 404 for an id, 401 for a key, that no app has */
export async function findApp(apps: AppStore, appId: string | undefined, query: Query): Promise<App> {
  const key = query.get('auth_key');
  if (appId === undefined && key === undefined) throw new RequestError(401, 'Missing parameter: auth_key');
  const app = await (appId === undefined ? apps.findByKey(key ?? '') : apps.findById(appId));
  if (app !== undefined) return app;
  if (appId !== undefined) throw requestErrors.unknownApp(appId);
  throw new RequestError(401, `Unknown auth_key: ${key}${await endedText(apps, key ?? '')}`);
}

/** Of a key that was good once. */
async function endedText(apps: AppStore, key: string): Promise<string> {
  const ends = (await apps.list()).map((app) => endOfKey(app, key, Date.now()));
  const end = ends.find((end) => end !== undefined);
  return end === undefined ? '' : `, which ended at ${end}`;
}

/** Room for a full batch however its JSON is escaped; what counts is each event's `data`. */
export function bodyLimit({ limits }: App): number {
  return limits.batchEvents * limits.payloadBytes * JSON_ESCAPE_BYTES + BODY_OVERHEAD_BYTES;
}

/** A request as it came, but for the configured prefix, which its URL does not have. */
export interface Asking {
  readonly method: string;
  readonly url: string;
  readonly query: Query;
  readonly body: Buffer;
}

/** @throws RequestError 401, or 403 when the app is disabled. */
export function verify(app: App, { method, url, query, body }: Asking, pathPrefix: string): void {
  const nowMs = Date.now();
  const signed = { method, paths: () => signedPaths(pathOf(url), pathPrefix), query, body };
  verifyRequest(pairThatSigned(app, query.get('auth_key'), nowMs), signed, nowMs);
  if (!app.enabled) throw requestErrors.disabledApp();
}

/** What names no key of the app is refused in comparison with the current pair. */
function pairThatSigned(app: App, key: string | undefined, nowMs: number): Credentials {
  if (key === undefined) return app;
  const end = endOfKey(app, key, nowMs);
  if (end !== undefined) {
    throw new RequestError(401, `Unknown auth_key: ${key} is not a key of this app any more, it ended at ${end}`);
  }
  return pairOf(app, key, nowMs) ?? app;
}

/** The parameters of a request, by the parser the server was made with. */
export function queryOf(request: FastifyRequest): Query {
  return request.query as Query;
}

/** The bytes of the body, none where there was no body. */
export function bodyOf(request: FastifyRequest): Buffer {
  return Buffer.isBuffer(request.body) ? request.body : NO_BODY;
}

/**
 * What senders may have signed for a path: as it came, decoded, encoded; each with the configured prefix too, which
 * some SDKs sign and a proxy may have removed.
 */
function* signedPaths(path: string, prefix: string): Generator<string> {
  yield path;
  if (prefix !== '') yield prefix + path;
  const decoded = path.split('/').map(decodeSegment);
  for (const other of [decoded.join('/'), decoded.map(encodeURIComponent).join('/')]) {
    if (other === path) continue;
    yield other;
    if (prefix !== '') yield prefix + other;
  }
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function pathOf(url: string): string {
  const mark = url.indexOf('?');
  return mark < 0 ? url : url.slice(0, mark);
}
