// The path that is asked for and the path that was signed: escapes, prefixes, and proxies that change them
// (auth.md §4.2, §4.3; http-api.md §1, §9).
import { createHash, createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../support/client.ts';
import { credentials, startServer, type TestServer } from '../support/server.ts';
import { exchange, type RawAnswer } from './support/raw-http.ts';

/** Asks for one path, byte for byte, having signed another. */
function ask(
  server: TestServer,
  method: 'GET' | 'POST',
  target: string,
  signedPath: string,
  body = '',
): Promise<RawAnswer> {
  const query = [
    `auth_key=${credentials.key}`,
    `auth_timestamp=${Math.floor(Date.now() / 1000)}`,
    'auth_version=1.0',
    ...(body === '' ? [] : [`body_md5=${createHash('md5').update(body).digest('hex')}`]),
  ].join('&');
  const text = `${method}\n${signedPath}\n${query}`;
  const signature = createHmac('sha256', credentials.secret).update(text).digest('hex');
  return exchange(server, method, `${target}?${query}&auth_signature=${signature}`, { body });
}

describe('REC http-api §1: segments may be percent-encoded or not, signed as sent, decoded or encoded', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());

  const channels: [name: string, forms: string[]][] = [
    ['a', ['a', '%61']],
    ['a;b=c,d@e', ['a;b=c,d@e', 'a%3Bb%3Dc%2Cd%40e', 'a%3bb%3dc%2cd%40e', 'a;b%3Dc,d%40e']],
    ['presence-x.y_z', ['presence-x.y_z', 'presence%2Dx%2Ey%5Fz']],
    ['#server-to-user-1', ['%23server-to-user-1']],
  ];
  const cases = channels.flatMap(([name, forms]) => forms.map((form) => [name, form] as const));

  test.each(cases)('the channel %s asked for as %s', async (name, form) => {
    const target = `/apps/app-id/channels/${form}`;
    const signedPaths = new Set([form, name, encodeURIComponent(name)]);
    for (const signed of signedPaths) {
      const answer = await ask(server, 'GET', target, `/apps/app-id/channels/${signed}`);
      expect([signed, answer.status, answer.text]).toEqual([signed, 200, '{"occupied":false}']);
    }
  });

  test.each([
    ['ü x', '%C3%BC%20x'],
    ['100%', '100%25'],
    ['a/b', 'a%2Fb'],
    ['a%2Fb', 'a%252Fb'],
    ['?&#', '%3F%26%23'],
  ])('the user %j', async (id, form) => {
    for (const signed of [form, id, encodeURIComponent(id)]) {
      await using client = await connect(server);
      await client.joined('presence-paths', { user_id: id });
      const path = (segment: string) => `/apps/app-id/users/${segment}/terminate_connections`;
      const answer = await ask(server, 'POST', path(form), path(signed), '{}');
      expect([signed, answer.status, answer.text]).toEqual([signed, 200, '{}']);
      expect((await client.closed).code).toBe(4009);
    }
  });

  test('a signature covers one path only', async () => {
    for (const signed of ['/apps/app-id/channels/b', '/apps/other/channels/a', '/channels/a', '']) {
      const answer = await ask(server, 'GET', '/apps/app-id/channels/a', signed);
      expect([answer.status, answer.text]).toEqual([
        401,
        expect.stringMatching(/Path seen: \/apps\/app-id\/channels\/a$/),
      ]);
    }
  });

  test('a slash at the end is no other path', async () => {
    const path = '/apps/app-id/channels/';
    expect((await ask(server, 'GET', path, path)).text).toBe('{"channels":{}}');
  });
});

describe.each(['/ws', '/a/b', 'ws/'])('with the path prefix %s configured', (path) => {
  let server: TestServer;
  let prefix: string;
  beforeAll(async () => {
    server = await startServer({}, { path });
    prefix = server.config.path;
  });
  afterAll(() => server.stop());

  const event = '{"name":"e","channel":"a","data":"x"}';
  const requests: ['GET' | 'POST', path: string, body: string, answer: string][] = [
    ['POST', '/apps/app-id/events', event, '{}'],
    ['POST', '/apps/app-id/batch_events', `{"batch":[${event}]}`, '{}'],
    ['GET', '/apps/app-id/channels', '', '{"channels":{}}'],
    ['GET', '/apps/app-id/channels/b%40c', '', '{"occupied":false}'],
    ['GET', '/apps/app-id/channels/presence-a/users', '', '{"users":[]}'],
    ['POST', '/apps/app-id/users/1/terminate_connections', '{}', '{}'],
    ['POST', '/users/1/terminate_connections', '{}', '{}'],
    ['GET', '/apps/app-id/connections', '', '{"connections":0}'],
  ];

  test.each(requests)(
    '%s %s: prefix sent or taken off by a proxy, signed with it or without',
    async (method, path, body, text) => {
      for (const target of [path, prefix + path]) {
        for (const signed of [path, prefix + path]) {
          const answer = await ask(server, method, target, signed, body);
          expect({ target, signed, text: answer.text }).toEqual({ target, signed, text });
        }
      }
    },
  );

  test('another prefix is 404, and one that was signed only is shown as what was seen', async () => {
    expect((await exchange(server, 'GET', `/other${prefix}/up`)).status).toBe(404);
    expect((await exchange(server, 'GET', `${prefix}x/up`)).status).toBe(404);
    expect((await exchange(server, 'GET', `${prefix}${prefix}/up`)).status).toBe(404);
    const answer = await ask(server, 'GET', '/apps/app-id/channels', '/other/apps/app-id/channels');
    expect([answer.status, answer.text]).toEqual([401, expect.stringMatching(/Path seen: \/apps\/app-id\/channels$/)]);
  });

  test('events that are accepted are delivered, to sockets with the prefix and without', async () => {
    await using one = await connect(server, { path: prefix });
    await using two = await connect(server, { path: '' });
    for (const client of [one, two]) await client.joined('a');
    await ask(server, 'POST', `${prefix}/apps/app-id/events`, '/apps/app-id/events', event);
    for (const client of [one, two]) expect(await client.next()).toEqual({ event: 'e', channel: 'a', data: 'x' });
  });

  test.each(['/up', '/health', '/ready'])('%s is there with the prefix and without', async (path) => {
    for (const target of [path, prefix + path]) expect((await exchange(server, 'GET', target)).status).toBe(200);
  });
});
