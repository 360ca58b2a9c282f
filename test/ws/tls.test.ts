// wss and https with a certificate of one's own, and IPv6.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { api, signed, trigger } from '../support/api.ts';
import { makeCertificate } from '../support/certificate.ts';
import { Client, connect } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { dial } from './support/raw-socket.ts';
import { failOnUnhandled } from './support/unhandled.ts';

failOnUnhandled();

let folder: string;
let tls: { certFile: string; keyFile: string };
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fanfare-tls-'));
  tls = makeCertificate(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Trusts the server's certificate and no other. */
async function post(
  server: TestServer,
  target: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<[status: number | undefined, text: string]> {
  const { promise, resolve, reject } = deferred<[number | undefined, string]>();
  const ca = readFileSync(tls.certFile);
  const sending = request(`${server.url}${target}`, { method: 'POST', headers, ca, agent: false });
  sending.on('error', reject).on('response', (response) => {
    text(response).then((answer) => resolve([response.statusCode, answer]), reject);
  });
  sending.end(body);
  return await promise;
}

function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (err: unknown) => void = () => {};
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}

test('serves wss and https on one port, verified against the configured certificate', async () => {
  await using server = await startServer({}, { tls, path: '/ws' });
  expect(server.url).toBe(`https://127.0.0.1:${server.port}/ws`);
  await using client = await connect(server);
  await client.joined('presence-a', { user_id: '1' });
  const body = JSON.stringify({ name: 'e', channel: 'presence-a', data: 'ü'.repeat(5000), info: 'user_count' });
  const target = signed('POST', '/apps/app-id/events', body);
  expect(await post(server, target, body)).toEqual([200, '{"channels":{"presence-a":{"user_count":1}}}']);
  expect(await client.next()).toMatchObject({ event: 'e', data: 'ü'.repeat(5000) });
  await using refused = new Client(server, { key: 'nobody' });
  expect(await refused.next()).toMatchObject({ data: { code: 4001 } });
  expect((await refused.closed).code).toBe(4001);
});

test('an offer to upgrade to something else is declined inside TLS too', async () => {
  await using server = await startServer({}, { tls });
  const body = '{"name":"e","channel":"a","data":"x"}';
  const offer = { connection: 'Upgrade', upgrade: 'h2c' };
  expect(await post(server, signed('POST', '/apps/app-id/events', body), body, offer)).toEqual([200, '{}']);
});

test('a peer that speaks no TLS is let go, others are not, and stop sends them away', async () => {
  const server = await startServer({}, { tls });
  await using client = await connect(server);
  await using plain = await dial(server);
  plain.write('GET /up HTTP/1.1\r\nhost: test\r\n\r\n');
  await plain.closed;
  await client.expectNothing();
  await server.stop();
  expect((await client.closed).code).toBe(4200);
  expect(server.logged.filter(({ level }) => Number(level) >= 40)).toEqual([]);
});

test('a certificate that cannot be read is told at once', async () => {
  const missing = { certFile: join(folder, 'none.pem'), keyFile: tls.keyFile };
  await expect(startServer({}, { tls: missing })).rejects.toThrow(/none\.pem/);
  await expect(startServer({}, { tls: { certFile: tls.keyFile, keyFile: tls.keyFile } })).rejects.toThrow();
});

test('serves IPv6', async () => {
  await using server = await startServer({}, { host: '::1' });
  expect(server.url).toBe(`http://[::1]:${server.port}`);
  await using client = await connect(server);
  await client.joined('a');
  expect((await trigger(server, { name: 'e', channel: 'a', data: 'x' })).text).toBe('{}');
  expect(await client.next()).toEqual({ event: 'e', channel: 'a', data: 'x' });
  expect((await api(server, 'GET', '/apps/app-id/connections')).text).toBe('{"connections":1}');
});
