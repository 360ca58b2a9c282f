// Requests to the admin API.
import type { TestServer } from '../../support/server.ts';

export const adminToken = 'an-admin-token-of-32-characters!';

export interface AdminAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: Record<string, unknown>;
}

/** @param path below /admin/v1 */
export async function admin(
  server: Pick<TestServer, 'url'>,
  method: string,
  path: string,
  { body, headers = {}, token = adminToken }: { body?: unknown; headers?: Record<string, string>; token?: string } = {},
): Promise<AdminAnswer> {
  const response = await fetch(`${server.url}/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, json: text === '' ? {} : JSON.parse(text) };
}
