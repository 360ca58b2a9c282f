// Requests to the authorization endpoint, as clients send them, and tokens as an application issues them.
import { SignJWT } from 'jose';
import type { TestServer } from './server.ts';

export const tokenSecret = 'the secret of the application, 32 bytes and more';

/** A token of ten minutes. */
export async function tokenOf(claims: Record<string, unknown>, secret = tokenSecret): Promise<string> {
  const seconds = Math.floor(Date.now() / 1000);
  return await new SignJWT({ iat: seconds, exp: seconds + 600, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(secret));
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: Record<string, unknown>;
}

export interface Asked {
  readonly token?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A form, or JSON where the body is an object. */
export async function ask(
  server: TestServer,
  body: URLSearchParams | string | Record<string, unknown>,
  { token, path = '/broadcasting/auth', headers = {} }: Asked = {},
): Promise<Answer> {
  const isForm = typeof body === 'string' || body instanceof URLSearchParams;
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: {
      'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: isForm ? String(body) : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, json: (await response.json()) as Answer['json'] };
}
