// Publishes sent one behind the other (RFC 9112 §9.3.2): what is done is answered, whatever comes behind it.
import { describe, expect, it } from 'vitest';
import { api, signed } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { admin, adminToken } from './support/admin.ts';
import { head, openHttp, type RawHttp } from './support/raw-http.ts';

const body = JSON.stringify({ name: 'e', channel: 'c', data: 'd' });
const publish = (headers = {}) =>
  head('POST', signed('POST', '/apps/app-id/events', body), { 'content-length': body.length, ...headers }) + body;
const start = () => startServer({}, { admin: { tokens: [adminToken] } });

async function published(server: TestServer): Promise<number> {
  const { json } = await api(server, 'GET', '/stats');
  return (
    (json as { apps: Record<string, { messages: { triggered: number } }> }).apps['app-id']?.messages.triggered ?? -1
  );
}

async function drain(server: TestServer): Promise<void> {
  const { json } = await admin(server, 'GET', '/nodes');
  const [node] = json.nodes as { id: string }[];
  await admin(server, 'POST', `/nodes/${node?.id}/drain`);
}

async function answers(http: RawHttp, count: number): Promise<string[]> {
  const all: string[] = [];
  for (let number = 0; number < count; number += 1) {
    const { status, headers } = await http.next();
    all.push(`${status} ${headers.connection}`);
  }
  return all;
}

describe('publishes one behind the other', () => {
  it('to a server that ends are all answered, and the connection ends behind the last', async () => {
    await using server = await start();
    await using http = await openHttp(server);
    await drain(server);
    await http.write(publish() + publish() + publish());
    expect(await answers(http, 3)).toEqual(['200 keep-alive', '200 keep-alive', '200 close']);
    await http.closed;
    expect(await published(server)).toBe(3);
  });

  it.each([
    ['something else', 2, `${publish()}${publish()}X\r\n\r\n`],
    [
      'a body that is none',
      1,
      `${publish()}${head('POST', '/apps/app-id/events', { 'transfer-encoding': 'chunked' })}X\r\n`,
    ],
    ['another behind its own end', 1, publish({ connection: 'close' }) + publish()],
  ])('are answered before %s is refused', async (_, count, bytes) => {
    await using server = await start();
    await using http = await openHttp(server);
    await http.write(bytes);
    const got = await answers(http, count);
    expect(got.map((answer) => answer.slice(0, 3))).toEqual(Array(count).fill('200'));
    if (got.at(-1) === '200 keep-alive') expect(await answers(http, 1)).toEqual(['400 close']);
    await http.closed;
    expect(await published(server)).toBe(count);
  });
});
