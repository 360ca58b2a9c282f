// Signed requests to the HTTP API, made by hand so that tests can break each part of them.
import { createHash, createHmac } from 'node:crypto';
import { credentials, type TestServer } from './server.ts';

export interface ApiRequest {
  /** Sent as it is when it is a string or bytes, else as its JSON. */
  readonly body?: unknown;
  /** Further headers; `content-type` replaces the one that would be right. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Further query parameters; a value here replaces the one that would be right. */
  readonly query?: Readonly<Record<string, string>>;
  readonly secret?: string;
  /** What is signed, when it is not the path that is asked for. */
  readonly signedPath?: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  /** Parsed; undefined when the answer is not JSON. */
  readonly json: unknown;
}

/** @returns path and query of a signed request. */
export function signed(method: string, path: string, body: string | Uint8Array, request: ApiRequest = {}): string {
  const query: Record<string, string> = {
    auth_key: credentials.key,
    auth_timestamp: String(Math.floor(Date.now() / 1000)),
    auth_version: '1.0',
    ...(body.length > 0 && { body_md5: createHash('md5').update(body).digest('hex') }),
    ...request.query,
  };
  const text = Object.keys(query)
    .sort()
    .map((name) => `${name}=${query[name]}`)
    .join('&');
  const signature = createHmac('sha256', request.secret ?? credentials.secret)
    .update(`${method}\n${request.signedPath ?? path}\n${text}`)
    .digest('hex');
  return `${path}?${new URLSearchParams({ ...query, auth_signature: query.auth_signature ?? signature })}`;
}

/** @param path below the server's url, such as /apps/app-id/events */
export async function api(
  server: Pick<TestServer, 'url'>,
  method: string,
  path: string,
  request: ApiRequest = {},
): Promise<ApiAnswer> {
  const { body } = request;
  const sent = body === undefined ? '' : typeof body === 'string' || isBytes(body) ? body : JSON.stringify(body);
  const response = await fetch(server.url + signed(method, path, sent, request), {
    method,
    headers: { ...(sent.length > 0 && { 'content-type': 'application/json' }), ...request.headers },
    ...(sent.length > 0 && { body: sent }),
  });
  const answer = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
  return {
    status: response.status,
    text: answer,
    headers: response.headers,
    json: isJson ? JSON.parse(answer) : undefined,
  };
}

function isBytes(body: unknown): body is Uint8Array<ArrayBuffer> {
  return body instanceof Uint8Array;
}

/** Publishes one event. */
export async function trigger(server: Pick<TestServer, 'url' | 'app'>, event: object): Promise<ApiAnswer> {
  return await api(server, 'POST', `/apps/${server.app.id}/events`, { body: event });
}
