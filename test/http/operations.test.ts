// Connections, health, statistics (http-api.md §9), and the statuses every route shares (§1.1).
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Authorizer } from '../../src/core/authorization.ts';
import type { Core } from '../../src/core/core.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { version } from '../../src/version.ts';
import { api, signed, trigger } from '../support/api.ts';
import { connect } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectJson, expectRefusal } from './support/answers.ts';
import { exchange } from './support/raw-http.ts';

const other = { id: 'other', key: 'other-key', secret: 'other-secret' };
const disabled = { id: 'off', key: 'off-key', secret: 'off-secret', enabled: false };
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ name: 'First' }, { apps: [other, disabled] });
});
afterAll(() => server.stop());

test('REC http-api §9: connections counts all open connections of the app, subscribed or not', async () => {
  expectJson(await api(server, 'GET', '/apps/app-id/connections'), '{"connections":0}');
  await using _idle = await connect(server);
  await using subscribed = await connect(server);
  await using _foreign = await connect(server, { key: other.key });
  await subscribed.joined('a');
  expectJson(await api(server, 'GET', '/apps/app-id/connections'), '{"connections":2}');
  expectJson(
    await api(server, 'GET', '/apps/other/connections', { query: { auth_key: other.key }, secret: other.secret }),
    '{"connections":1}',
  );
});

test.each<[path: string, json: object]>([
  ['/up', { health: 'OK' }],
  ['/up/', { health: 'OK' }],
  ['/ready', { status: 'ready' }],
  ['/health', { status: 'ok', version, uptime_seconds: expect.any(Number) }],
])('%s is answered without a signature', async (path, json) => {
  const response = await fetch(server.url + path);
  expect([response.status, await response.json()]).toEqual([200, json]);
  expect(response.headers.get('content-type')).toMatch(/^application\/json/);
});

test('/ says OK to load balancers that look at the root', async () => {
  expect(await exchange(server, 'GET', '/')).toMatchObject({ status: 200, text: 'OK' });
});

describe('stats', () => {
  test('shows the app that signed the request, with what went through, and no other', async () => {
    await using counted = await startServer({ name: 'First', clientEvents: true }, { apps: [other] });
    await using one = await connect(counted);
    await using two = await connect(counted);
    for (const client of [one, two]) await client.joined('private-a');
    await trigger(counted, { name: 'e', channel: 'private-a', data: 'x' });
    one.send({ event: 'client-x', channel: 'private-a', data: '1' });
    await two.nextOf('client-x');
    const { json, status } = await api(counted, 'GET', '/stats');
    expect(status).toBe(200);
    expect(json).toEqual({
      sockets: 2,
      topics: 1,
      malformed: 0,
      webhooks: { queued: 0, sent: 0, failed: 0, dead: 0, dropped: 0 },
      uptime_seconds: expect.any(Number),
      memory: { rss_bytes: expect.any(Number), heap_bytes: expect.any(Number) },
      apps: {
        'app-id': {
          name: 'First',
          sockets: 2,
          channels: 1,
          messages: { received: 3, triggered: 1, sent: 7, slowReaders: 0 },
        },
      },
    });
  });

  test('are refused without a signature, and open in development, where every app is shown', async () => {
    const closed = await fetch(`${server.url}/stats`);
    expect([closed.status, await closed.text()]).toEqual([401, 'Missing parameter: auth_key']);
    expectRefusal(await api(server, 'GET', '/stats', { secret: 'wrong' }), 401, /^Invalid signature/);
    await using development = await startServer({}, { apps: [other], development: true });
    const open = await fetch(`${development.url}/stats`);
    const { apps } = (await open.json()) as { apps: object };
    expect([open.status, Object.keys(apps)]).toEqual([200, ['app-id', 'other']]);
  });
});

describe('REC http-api §1.1', () => {
  const posts = ['events', 'batch_events', 'users/1/terminate_connections'].map((path) => `/apps/app-id/${path}`);
  const gets = ['/up', '/health', '/ready', '/stats', '/apps/app-id/connections', '/apps/app-id/channels'];
  const more = ['/apps/app-id/channels/a', '/apps/app-id/channels/a/users'];

  test.each([...posts, '/users/1/terminate_connections'])('%s takes POST only: 405 says so in Allow', async (path) => {
    for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']) {
      const answer = await exchange(server, method, path);
      expectRefusal(answer, 405, method === 'HEAD' ? '' : 'Method not allowed.');
      expect(answer.headers.allow).toBe('POST');
    }
  });

  test.each([...gets, ...more])('%s takes GET and HEAD only: 405 says so in Allow', async (path) => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']) {
      const answer = await exchange(server, method, path, { body: method === 'POST' ? '{"a":' : '' });
      expectRefusal(answer, 405, 'Method not allowed.');
      expect(answer.headers.allow).toBe('GET, HEAD');
    }
  });

  test('answers HEAD as GET, without the body', async () => {
    const { status, headers, text } = await exchange(server, 'HEAD', signed('HEAD', '/apps/app-id/channels', ''));
    expect([status, headers['content-length'], text]).toEqual([200, '15', '']);
  });

  test.each([
    '/nothing',
    '/app/app-key',
    '/apps',
    '/apps/app-id',
    '/apps/app-id/nothing',
    '/apps/app-id/channels/a/b/c',
    '/pusher/app/app-key/123/abcdefgh/xhr_streaming?protocol=7&t=1&n=1',
    '/timeline/v2/jsonp/2?session=1',
    '/UP',
    '/%2e%2e/up',
    '/apps/__proto__',
  ])('answers 404 to the unknown path %s', async (path) => {
    for (const method of ['GET', 'POST']) expectRefusal(await exchange(server, method, path), 404, 'Not found.');
  });

  test.each(['no-app', '__proto__', 'constructor', 'APP-ID', 'app-id%20', '%E2%82%AC'])(
    'answers 404 in Reverb’s words to the unknown app %s, whatever else is wrong',
    async (id) => {
      const text = `No matching application for ID [${decodeURIComponent(id)}].`;
      expectRefusal(await exchange(server, 'GET', `/apps/${id}/channels`), 404, text);
      expectRefusal(await exchange(server, 'POST', `/apps/${id}/events`, { body: '{' }), 404, text);
    },
  );

  test.each(['/apps/%zz/channels', '/%', '/apps/app-id/channels/%E0%A4%A', '/apps/app-id/users/%ff/x'])(
    'answers 400 to the malformed path %s',
    async (path) => {
      expectRefusal(await exchange(server, 'GET', path), 400, 'The path is not valid percent-encoded UTF-8.');
    },
  );

  test('answers 414 to a path that is too long', async () => {
    expectRefusal(await exchange(server, 'GET', `/apps/app-id/channels/${'x'.repeat(5000)}`), 414, 'URI too long.');
  });

  test('answers 403 to a disabled app, and only to who has its secret', async () => {
    const query = { auth_key: disabled.key };
    const right = { query, secret: disabled.secret };
    expectRefusal(await api(server, 'GET', '/apps/off/channels', right), 403, 'The app is not enabled.');
    expectRefusal(
      await api(server, 'GET', '/apps/off/channels', { query, secret: 'wrong' }),
      401,
      /^Invalid signature/,
    );
    const body = { name: 'e', channel: 'a', data: 'x' };
    expectRefusal(await api(server, 'POST', '/apps/off/events', { ...right, body }), 403, 'The app is not enabled.');
  });

  test('answers 500 to what is our bug, in Reverb’s words: the log has it, the answer does not', async () => {
    const lines: string[] = [];
    const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
    const broken = { apps: { findById: () => Promise.reject(new Error('the inside')) }, draining: false };
    const authorization = { authorizer: {} as Authorizer, channelPaths: [], userPaths: [] };
    const webhooks = { queued: 0, sent: 0, failed: 0, dead: 0, dropped: 0 };
    const told = { development: false, version, webhooks };
    const options = { pathPrefix: '', tls: undefined, ...told, authorization, adminTokens: [] };
    const http = createHttpServer(broken as unknown as Core, options, log);
    const answer = await http.fastify.inject('/apps/app-id/channels');
    await http.close();
    expect([answer.statusCode, answer.body]).toEqual([500, 'Internal server error.']);
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 50, err: { message: 'the inside' } });
  });

  test('REC http-api §9: sends no CORS headers', async () => {
    const headers = { origin: 'https://example.com', 'access-control-request-method': 'POST' };
    for (const [method, path] of [
      ['GET', '/up'],
      ['POST', '/apps/app-id/events'],
      ['OPTIONS', '/apps/app-id/events'],
    ] as const) {
      const answer = await exchange(server, method, path, { headers });
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
  });
});
