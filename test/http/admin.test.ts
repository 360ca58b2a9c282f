// The admin API over HTTP: tokens, each endpoint, bad input, and the document that describes it.
import { describe, expect, it } from 'vitest';
import { Client, connect } from '../support/client.ts';
import { type startServer as Start, startServer } from '../support/server.ts';
import { admin, adminToken } from './support/admin.ts';

const other = 'another-admin-token-of-38-characters!!';
const start = (app: Parameters<typeof Start>[0] = {}, config: Parameters<typeof Start>[1] = {}) =>
  startServer(app, { admin: { tokens: [adminToken, other] }, ...config });

const ROUTES: readonly (readonly [method: string, path: string])[] = [
  ['GET', '/apps'],
  ['POST', '/apps'],
  ['GET', '/apps/an-app'],
  ['PATCH', '/apps/an-app'],
  ['DELETE', '/apps/an-app'],
  ['POST', '/apps/an-app/rotate'],
  ['POST', '/apps/app-id/events'],
  ['GET', '/apps/app-id/connections'],
  ['GET', '/apps/app-id/connections/1.2'],
  ['DELETE', '/apps/app-id/connections/1.2'],
  ['GET', '/apps/app-id/channels'],
  ['GET', '/apps/app-id/channels/news'],
  ['GET', '/apps/app-id/channels/presence-x/members'],
  ['POST', '/apps/app-id/users/7/channels/news/unsubscribe'],
  ['POST', '/apps/app-id/users/7/terminate_connections'],
  ['GET', '/apps/app-id/webhooks'],
  ['GET', '/apps/app-id/webhooks/deliveries'],
  ['GET', '/apps/app-id/webhooks/dead-letters'],
  ['POST', '/apps/app-id/webhooks/dead-letters/replay'],
  ['GET', '/nodes'],
  ['POST', '/nodes/x/drain'],
  ['GET', '/openapi.json'],
];

describe('who may ask', () => {
  it('nobody where no token is configured: it is not there', async () => {
    await using server = await startServer();
    const response = await fetch(`${server.url}/admin/v1/nodes`, {
      headers: { authorization: `Bearer ${adminToken}` },
    });
    expect(response.status).toBe(404);
  });

  it('whoever has one of the tokens', async () => {
    await using server = await start();
    for (const token of [adminToken, other]) expect((await admin(server, 'GET', '/nodes', { token })).status).toBe(200);
  });

  const unserved: typeof ROUTES = [
    ['GET', '/nothing'],
    ['PATCH', '/nodes'],
  ];
  it.each([...ROUTES, ...unserved])('%s %s refuses every other token', async (method, path) => {
    await using server = await start();
    const tokens = [adminToken.slice(0, -1), `${adminToken}x`, adminToken.toUpperCase(), 'x', 'app-secret'];
    const headers = [
      {},
      { authorization: `Basic ${adminToken}` },
      { authorization: adminToken },
      { authorization: 'Bearer ' },
    ];
    for (const token of tokens) {
      const { status, json, headers } = await admin(server, method, path, { token });
      expect([status, json]).toEqual([401, { error: 'This is no token of the admin API (admin.tokens).' }]);
      expect(headers.get('www-authenticate')).toBe('Bearer realm="fanfare admin"');
    }
    for (const sent of headers) {
      const response = await fetch(`${server.url}/admin/v1${path}`, { method, headers: sent });
      expect([response.status, await response.json()]).toEqual([
        401,
        { error: 'No token: send it as Authorization: Bearer TOKEN.' },
      ]);
    }
  });

  it('and no token is in the log, nor in the configuration that check prints', async () => {
    await using server = await start();
    await admin(server, 'GET', '/nodes');
    await admin(server, 'GET', '/nodes', { token: 'a-wrong-token-of-some-length' });
    expect(JSON.stringify(server.logged)).not.toMatch(/an-admin-token|a-wrong-token/);
  });
});

describe('what is not understood', () => {
  it.each<[string, string, unknown, number, string]>([
    ['GET', '/nothing', undefined, 404, 'Not found.'],
    ['GET', '/apps/nobody/channels', undefined, 404, 'No matching application for ID [nobody].'],
    ['GET', '/apps/%ff', undefined, 400, 'The path is not valid percent-encoded UTF-8.'],
    ['GET', '/apps/%ff/channels?x=1', undefined, 400, 'The path is not valid percent-encoded UTF-8.'],
    ['GET', '', undefined, 404, 'Not found.'],
    ['MKCOL', '/apps', undefined, 404, 'Not found.'],
    ['GET', '/nodes?__proto__=1', undefined, 400, 'Unknown parameter: __proto__'],
    ['POST', '/nodes/nobody/drain?constructor=1', undefined, 400, 'Unknown parameter: constructor'],
    [
      'POST',
      '/apps/app-id/events',
      '{"name":"e","channel":"news","data":1,"__proto__":{"socket_id":"1.1"}}',
      400,
      'Unknown parameter: __proto__',
    ],
    [
      'POST',
      '/apps/app-id/users/7/channels/news/unsubscribe',
      '{"__proto__":{"deny_seconds":60}}',
      400,
      'Unknown parameter: __proto__',
    ],
    ['GET', '/apps/app-id/connections?limit=0', undefined, 400, 'Invalid limit: Too small: expected number to be >=1'],
    [
      'GET',
      '/apps/app-id/connections?limit=x',
      undefined,
      400,
      'Invalid limit: expected a whole number from 1 to 1000',
    ],
    ['GET', '/apps/app-id/connections?curser=1', undefined, 400, 'Unknown parameter: curser'],
    ['GET', '/nodes?x=1', undefined, 400, 'Unknown parameter: x'],
    ['GET', '/apps/app-id/connections/1.2', undefined, 404, 'There is no connection 1.2.'],
    ['DELETE', '/apps/app-id/connections/1.2', undefined, 404, 'There is no connection 1.2.'],
    [
      'DELETE',
      '/apps/app-id/connections/1.2?reconnect=1',
      undefined,
      400,
      'Invalid reconnect: Invalid option: expected one of "true"|"false"',
    ],
    ['GET', '/apps/app-id/channels/no%20name', undefined, 400, 'Invalid channel name no name'],
    [
      'GET',
      '/apps/app-id/channels/news/members',
      undefined,
      400,
      expect.stringContaining('presence') as unknown as string,
    ],
    ['POST', '/apps/app-id/events', '{', 400, 'The request body is not valid JSON in UTF-8.'],
    [
      'POST',
      '/apps/app-id/events',
      '[]',
      400,
      'Invalid the request body: Invalid input: expected object, received array',
    ],
    ['POST', '/apps/app-id/events', { channel: 'news', data: 1 }, 400, 'Missing required parameter: name'],
    ['POST', '/apps/app-id/events', { name: 'e', data: 1 }, 400, 'Missing required parameter: channel'],
    ['POST', '/apps/app-id/users/7/channels/news/unsubscribe', { deny: 1 }, 400, 'Unknown parameter: deny'],
    ['POST', '/nodes/nobody/drain', undefined, 404, 'There is no node nobody.'],
  ])('%s %s %j: %i', async (method, path, body, status, error) => {
    await using server = await start();
    const answer = await admin(server, method, path, { body });
    expect([answer.status, answer.json]).toEqual([status, { error }]);
  });

  it('is told in JSON below /admin, on every path, and in plain text elsewhere', async () => {
    await using server = await start({}, { path: '/ws' });
    const { origin } = new URL(server.url);
    const typeOf = async (path: string) => (await fetch(`${origin}${path}`)).headers.get('content-type');
    for (const path of ['/admin', '/admin?x', '/admin/v2/apps', '/admin/%ff', '/ws/admin/%ff', '/ws/admin/v1/%ff']) {
      expect([path, await typeOf(path)]).toEqual([path, 'application/json; charset=utf-8']);
    }
    for (const path of ['/administrator', '/apps/%ff', '/ws/%ff', '/nothing/admin']) {
      expect([path, await typeOf(path)]).toEqual([path, 'text/plain; charset=utf-8']);
    }
    await using without = await startServer();
    const response = await fetch(`${without.url}/admin/v1/%ff`);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  });

  it('another method, with what is allowed', async () => {
    await using server = await start();
    const { status, headers } = await admin(server, 'PUT', '/apps/app-id/connections/1.2');
    expect([status, headers.get('allow')]).toEqual([405, 'GET, DELETE, HEAD']);
  });
});

it('POST events of an app that is disabled is refused, as with a signature', async () => {
  await using server = await startServer({ enabled: false }, { admin: { tokens: [adminToken] } });
  const answer = await admin(server, 'POST', '/apps/app-id/events', { body: { name: 'e', channel: 'news', data: 1 } });
  expect([answer.status, answer.json]).toEqual([403, { error: 'The app is not enabled.' }]);
});

describe('POST events', () => {
  it('publishes without a signature, any JSON as data, and answers the counts asked for', async () => {
    await using server = await start();
    await using client = await connect(server);
    await client.joined('news');
    const body = { name: 'saved', channel: 'news', data: { id: 7 }, info: 'subscription_count' };
    const answer = await admin(server, 'POST', '/apps/app-id/events', { body });
    expect([answer.status, answer.json]).toEqual([200, { channels: { news: { subscription_count: 1 } } }]);
    expect(await client.next()).toEqual({ event: 'saved', channel: 'news', data: '{"id":7}' });
  });

  it('takes any JSON as data, whatever its names', async () => {
    await using server = await start();
    await using client = await connect(server);
    await client.joined('news');
    const deep = `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`;
    for (const data of ['{"__proto__":{"a":1},"constructor":2}', deep]) {
      const body = `{"name":"saved","channel":"news","data":${data}}`;
      expect((await admin(server, 'POST', '/apps/app-id/events', { body })).status).toBe(200);
      expect(await client.next()).toEqual({ event: 'saved', channel: 'news', data });
    }
  });

  it('holds to the limits of the app', async () => {
    await using server = await start({ limits: { payloadBytes: 10 } });
    const body = { name: 'saved', channel: 'news', data: 'x'.repeat(11) };
    const { status, json } = await admin(server, 'POST', '/apps/app-id/events', { body });
    expect(status).toBe(413);
    expect(json.error).toContain('10');
  });
});

describe('connections', () => {
  it('are listed page by page, and each once', async () => {
    await using server = await start();
    await using a = await connect(server);
    await using b = await connect(server);
    await using c = await connect(server);
    const first = await admin(server, 'GET', '/apps/app-id/connections?limit=2');
    expect(first.json).toMatchObject({ total: 3, socketIds: [a.socketId, b.socketId] });
    for (const cursor of ['18446744073709551616', '99999999999999999999', '1'.repeat(21), 'x', '']) {
      const refused = await admin(server, 'GET', `/apps/app-id/connections?cursor=${cursor}`);
      const error = 'Invalid cursor: expected the next of the page before';
      expect([refused.status, refused.json]).toEqual([400, { error }]);
    }
    const next = await admin(server, 'GET', `/apps/app-id/connections?limit=2&cursor=${first.json.next}`);
    expect(next.json).toEqual({ total: 3, socketIds: [c.socketId], next: null });
  });

  it('are described: user, channels, address, since, bytes', async () => {
    await using server = await start();
    await using client = await connect(server);
    client.signIn({ id: 'ada' });
    await client.nextOf('pusher:signin_success');
    await client.joined('news');
    await client.joined('presence-room', { user_id: 'ada' });
    const { json } = await admin(server, 'GET', `/apps/app-id/connections/${client.socketId}`);
    const { nodes } = (await admin(server, 'GET', '/nodes')).json as { nodes: { id: string }[] };
    expect(json).toEqual({
      socketId: client.socketId,
      nodeId: nodes[0]?.id,
      userId: 'ada',
      channels: [
        { name: 'news', userId: null },
        { name: 'presence-room', userId: 'ada' },
      ],
      address: '127.0.0.1',
      forwardedFor: null,
      connectedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      bytesReceived: expect.any(Number),
      bytesSent: expect.any(Number),
      bytesBuffered: 0,
    });
    expect(json.bytesReceived).toBeGreaterThan(300);
    expect(json.bytesSent).toBeGreaterThan(300);
    expect(Math.abs(Date.now() - Date.parse(String(json.connectedAt)))).toBeLessThan(60_000);
  });

  it.each([
    ['', 4009],
    ['?reconnect=true', 4200],
  ])('are closed%s with %i', async (query, code) => {
    await using server = await start();
    await using client = await connect(server);
    await using stays = await connect(server);
    const { status, json } = await admin(server, 'DELETE', `/apps/app-id/connections/${client.socketId}${query}`);
    expect([status, json]).toEqual([200, {}]);
    expect(await client.closed).toMatchObject({ code });
    await stays.expectNothing();
  });

  it('of another app are not there', async () => {
    const app = { id: 'other', key: 'other-key', secret: 'other-secret' };
    await using server = await start({}, { apps: [app] });
    await using client = await connect(server, { key: 'other-key' });
    expect((await admin(server, 'GET', `/apps/app-id/connections/${client.socketId}`)).status).toBe(404);
    expect((await admin(server, 'DELETE', `/apps/app-id/connections/${client.socketId}`)).status).toBe(404);
    expect((await admin(server, 'GET', `/apps/other/connections/${client.socketId}`)).status).toBe(200);
  });
});

describe('channels', () => {
  it('are listed with counts, described, and have members', async () => {
    await using server = await start({ strict: true });
    await using client = await connect(server);
    await client.joined('news');
    await client.joined('presence-room', { user_id: 'ada', user_info: { name: 'Ada' } });
    const get = async (path: string) => (await admin(server, 'GET', `/apps/app-id/channels${path}`)).json;
    expect(await get('')).toEqual({
      channels: { news: { subscription_count: 1 }, 'presence-room': { user_count: 1, subscription_count: 1 } },
    });
    expect(await get('?prefix=pres')).toEqual({
      channels: { 'presence-room': { user_count: 1, subscription_count: 1 } },
    });
    expect(await get('/presence-room')).toEqual({ occupied: true, user_count: 1, subscription_count: 1 });
    expect(await get('/cache-x')).toEqual({ occupied: false, subscription_count: 0, cache: null });
    expect(await get('/presence-room/members')).toEqual({ members: [{ userId: 'ada', userInfo: { name: 'Ada' } }] });
  });

  it('lose a user, who is kept out, or loses all connections', async () => {
    await using server = await start();
    await using client = await connect(server);
    client.signIn({ id: 'ada' });
    await client.nextOf('pusher:signin_success');
    await client.joined('news');
    const body = { deny_seconds: 60 };
    await admin(server, 'POST', '/apps/app-id/users/ada/channels/news/unsubscribe', { body });
    expect(await client.next()).toMatchObject({ event: 'pusher:subscription_error', channel: 'news' });
    client.subscribe('news');
    expect(await client.next()).toMatchObject({ event: 'pusher:error', data: { code: 4009 } });
    const { status } = await admin(server, 'POST', '/apps/app-id/users/ada/terminate_connections');
    expect([status, (await client.closed).code]).toEqual([200, 4009]);
  });
});

describe('nodes', () => {
  it('are listed, and one that is drained sends its sockets away, takes none, and is not ready', async () => {
    await using server = await start();
    await using client = await connect(server);
    const list = async () => (await admin(server, 'GET', '/nodes')).json.nodes as Record<string, unknown>[];
    const [node] = await list();
    expect(node).toEqual({
      id: expect.any(String),
      self: true,
      host: expect.any(String),
      pid: process.pid,
      version: expect.stringMatching(/^\d/),
      startedAt: expect.stringMatching(/Z$/),
      sockets: expect.any(Number),
      draining: false,
      silentSeconds: expect.any(Number),
    });
    expect((await admin(server, 'POST', `/nodes/${node?.id}/drain`)).json).toEqual({});
    expect(await client.closed).toMatchObject({ code: 4200 });
    expect((await fetch(`${server.url}/ready`)).status).toBe(503);
    await using late = new Client(server);
    expect(await late.closed).toMatchObject({ code: 4100 });
    expect((await admin(server, 'POST', `/nodes/${node?.id}/drain`)).status).toBe(200);
    expect((await list())[0]).toMatchObject({ draining: true });
  });
});

describe('GET openapi.json', () => {
  it('describes every route, and nothing that is not there', async () => {
    await using server = await start();
    const { json } = await admin(server, 'GET', '/openapi.json');
    expect(json).toMatchObject({ openapi: '3.1.0', servers: [{ url: '/admin/v1' }], security: [{ token: [] }] });
    const described = Object.entries(json.paths as Record<string, object>).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const templates = ROUTES.map(([method, path]) => `${method} ${templateOf(path)}`);
    expect(described.sort()).toEqual(templates.sort());
  });

  it('has what a client needs: ids, parameters of the path, schemas of bodies and answers', async () => {
    await using server = await start({}, { path: '/ws' });
    const { json } = await admin(server, 'GET', '/openapi.json');
    expect(json.servers).toEqual([{ url: '/ws/admin/v1' }]);
    const ids = new Set<string>();
    for (const [path, operations] of Object.entries(json.paths as Record<string, Record<string, Operation>>)) {
      for (const { operationId, summary, parameters, responses } of Object.values(operations)) {
        expect(ids.has(operationId)).toBe(false);
        ids.add(operationId);
        expect(summary).toMatch(/\.$/);
        const inPath = parameters.filter((one) => one.in === 'path').map(({ name }) => `{${name}}`);
        expect(inPath).toEqual([...path.matchAll(/\{\w+\}/g)].map(([text]) => text));
        expect(Object.keys(responses)).toEqual(expect.arrayContaining(['400', '401', '503']));
      }
    }
    const publish = (json.paths as Record<string, Record<string, Operation>>)['/apps/{appId}/events']?.post;
    expect(publish?.requestBody?.content['application/json'].schema).toMatchObject({ required: ['name', 'data'] });
    expect(publish?.parameters.map(({ name }) => name)).toEqual(['appId', 'Idempotency-Key']);
  });
});

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: object } } };
  readonly responses: Readonly<Record<string, object>>;
}

function templateOf(path: string): string {
  return path
    .replace('/an-app', '/{id}')
    .replace('/app-id', '/{appId}')
    .replace('/1.2', '/{socketId}')
    .replace(/\/(news|presence-x)/, '/{channel}')
    .replace('/7', '/{userId}')
    .replace('/x/', '/{nodeId}/');
}
