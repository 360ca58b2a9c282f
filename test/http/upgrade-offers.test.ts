// Requests that offer an upgrade to something else than a WebSocket are answered as if they did not.
import { expect, test } from 'vitest';
import { signed, trigger } from '../support/api.ts';
import { connect } from '../support/client.ts';
import { startServer } from '../support/server.ts';
import { RawHttp } from './support/raw-http.ts';

const body = JSON.stringify({ name: 'e', channel: 'a', data: 'x'.repeat(9000) });

test('h2c, as Java’s HttpClient offers it: the event is published, and the connection goes on', async () => {
  await using server = await startServer();
  await using client = await connect(server);
  await client.joined('a');
  await using http = new RawHttp(server);
  const offer = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n';
  const head = `POST ${signed('POST', '/apps/app-id/events', body)} HTTP/1.1\r\nHost: x\r\n${offer}Content-Length: ${body.length}\r\n\r\n`;
  await http.write(head + body.slice(0, 100));
  await http.write(body.slice(100));
  expect(await http.next()).toMatchObject({ status: 200, text: '{}' });
  expect(await client.next()).toEqual({ event: 'e', channel: 'a', data: 'x'.repeat(9000) });
  await http.write('GET /up HTTP/1.1\r\nHost: x\r\n\r\n');
  expect(await http.next()).toMatchObject({ status: 200, text: '{"health":"OK"}' });
  expect((await trigger(server, { name: 'f', channel: 'a', data: 'y' })).status).toBe(200);
});

test('an offer with every request, of one connection, leaves nothing behind; a wish to close is heard', async () => {
  const warnings: Error[] = [];
  const listener = (warning: Error) => warnings.push(warning);
  process.on('warning', listener);
  await using server = await startServer();
  await using http = new RawHttp(server);
  for (let offer = 0; offer < 30; offer += 1) {
    await http.write('GET /up HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    expect(await http.next()).toMatchObject({ status: 200, text: '{"health":"OK"}' });
  }
  await http.write('GET /up HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n');
  expect(await http.next()).toMatchObject({ status: 200, headers: { connection: 'close' } });
  await http.closed;
  process.off('warning', listener);
  expect(warnings).toEqual([]);
});

test('absolute-form targets, as proxies are sent, are verified by their path', async () => {
  await using server = await startServer({}, { path: '/ws' });
  await using http = new RawHttp(server);
  for (const prefix of ['http://fanfare.test:8080', 'HTTP://fanfare.test/ws']) {
    const target = prefix + signed('POST', '/apps/app-id/events', body);
    await http.write(`POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    expect(await http.next()).toMatchObject({ status: 200, text: '{}' });
  }
});
