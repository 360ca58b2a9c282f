// Apps over the admin API: created, changed, removed and given new keys, in a file; and what is refused.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { FileSource } from '../../src/adapters/apps/file.ts';
import { StoredApps } from '../../src/adapters/apps/stored-apps.ts';
import { appEndpoints } from '../../src/http/admin/apps.ts';
import { makeApp } from '../adapters/apps/contract.ts';
import { createHarness, suspend } from '../core/support/harness.ts';
import { api } from '../support/api.ts';
import { connect } from '../support/client.ts';
import { Log } from '../support/redis.ts';
import { startServer } from '../support/server.ts';
import { type AdminAnswer, admin, adminToken } from './support/admin.ts';

const folder = mkdtempSync(join(tmpdir(), 'fanfare-admin-apps-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
/** With no app but those of `content`. */
async function start(content?: object) {
  files += 1;
  const file = join(folder, `${files}.json`);
  if (content !== undefined) writeFileSync(file, JSON.stringify(content));
  const server = await startServer({}, { appStore: { driver: 'file', file }, admin: { tokens: [adminToken] } });
  const ask = (method: string, path: string, body?: unknown): Promise<AdminAnswer> =>
    admin(server, method, path, { body });
  return { server, ask, [Symbol.asyncDispose]: () => server.stop() };
}

interface Stored {
  readonly version: string;
  readonly app: Readonly<Record<string, unknown>>;
}

const chat = { id: 'chat', key: 'chat-key', secret: 'chat-secret' };
const signed = (key: string, secret: string) => ({ query: { auth_key: key }, secret });

describe('POST /apps', () => {
  it('creates an app that serves at once', async () => {
    await using running = await start();
    const { server, ask } = running;
    const { status, json } = await ask('POST', '/apps', { ...chat, limits: { connections: 5 } });
    expect(status).toBe(201);
    expect(json).toMatchObject({
      version: expect.any(String),
      app: { ...chat, enabled: true, limits: { connections: 5, payloadBytes: 10_240 } },
    });
    await using client = await connect(server, { key: 'chat-key' });
    expect(client.socketId).not.toBe('');
  });

  it('makes a key and a secret where none are given', async () => {
    await using running = await start();
    const { json } = await running.ask('POST', '/apps', { id: 'chat' });
    const { key, secret } = json.app as { key: string; secret: string };
    expect(key).toMatch(/^[0-9a-f]{20}$/);
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    const answer = await api(running.server, 'GET', '/apps/chat/channels', signed(key, secret));
    expect(answer.status).toBe(200);
  });

  it.each<[body: unknown, status: number, error: string]>([
    [{}, 400, 'Missing required parameter: id'],
    [{ id: null }, 400, 'Invalid id: Invalid input: expected string, received null'],
    [{ id: 'new', name: null }, 400, 'Invalid name: Invalid input: expected string, received null'],
    [
      { id: 'new', limits: { connections: null } },
      400,
      'Invalid limits.connections: Invalid input: expected number, received null',
    ],
    [{ id: 'new', webhooks: [{}] }, 400, 'Missing required parameter: webhooks.0.url'],
    [
      { id: 'new', webhooks: [{ url: 'http://127.0.0.1/', headers: { 'X-A': '1', 'x-a': '2' } }] },
      400,
      'Invalid webhooks.0.headers.x-a: is the header X-A again: case does not matter',
    ],
    [{ id: 'a b' }, 400, 'Invalid id: may hold letters, digits, "_", "." and "-" only'],
    [{ id: '..' }, 400, 'Invalid id: must not be "." or ".."'],
    [{ id: 'x'.repeat(201) }, 400, 'Invalid id: Too big: expected string to have <=200 characters'],
    [
      { id: 'new', webhooks: [{ url: 'http://127.0.0.1/', headers: { Host: 'x' } }] },
      400,
      'Invalid webhooks.0.headers.Host: is a header that the server sets itself',
    ],
    [{ id: 'new', colour: 'red' }, 400, 'Unknown parameter: colour'],
    [
      { id: 'new', limits: { connections: -1 } },
      400,
      'Invalid limits.connections: Too small: expected number to be >=0',
    ],
    [chat, 409, 'There is an app chat already.'],
    [{ id: 'new', key: 'chat-key' }, 409, 'The key chat-key is one of the app chat already.'],
    ['{"id":"new","__proto__":{"name":"x"}}', 400, 'Unknown parameter: __proto__'],
    ['{"id":"new","limits":{"__proto__":{"connections":1}}}', 400, 'Unknown parameter: limits.__proto__'],
    ['{"id":"new","constructor":{"name":"x"}}', 400, 'Unknown parameter: constructor'],
    ['{"id":"new","limits":{"prototype":1}}', 400, 'Unknown parameter: limits.prototype'],
    [
      '{"id":"new","webhooks":[{"url":"http://127.0.0.1/","headers":{"__proto__":"x"}}]}',
      400,
      'Unknown parameter: webhooks.0.headers.__proto__',
    ],
  ])('refuses %j', async (body, status, error) => {
    await using running = await start({ apps: [chat] });
    const answer = await running.ask('POST', '/apps', body);
    expect([answer.status, answer.json]).toEqual([status, { error }]);
  });
});

describe('GET /apps', () => {
  it('lists apps without secrets, and what is refused with the reason', async () => {
    const pair = { key: 'old-key', secret: 'old-secret', notAfter: '2099-01-01T00:00:00Z' };
    const broken = { id: 'broken', key: 'k' };
    await using running = await start({ apps: [{ ...chat, name: 'Chat', keys: [pair] }, broken] });
    const { json } = await running.ask('GET', '/apps');
    expect(json).toEqual({
      apps: [
        {
          id: 'chat',
          name: 'Chat',
          key: 'chat-key',
          keys: [{ key: 'old-key', notAfter: '2099-01-01T00:00:00Z' }],
          enabled: true,
        },
      ],
      refused: [{ id: 'broken', reason: expect.stringContaining('secret') }],
    });
    expect(JSON.stringify(json)).not.toMatch(/(chat|old)-secret/);
  });

  it('reads one, and says why one cannot be read', async () => {
    await using running = await start({ apps: [chat, { id: 'broken' }] });
    expect((await running.ask('GET', '/apps/chat')).json).toMatchObject({ app: chat });
    const nobody = await running.ask('GET', '/apps/nobody');
    expect([nobody.status, nobody.json]).toEqual([404, { error: 'No matching application for ID [nobody].' }]);
    expect((await running.ask('GET', '/apps/nobody/channels')).json).toEqual(nobody.json);
    const broken = await running.ask('GET', '/apps/broken');
    expect([broken.status, broken.json.error]).toEqual([404, expect.stringContaining('is refused')]);
    expect((await running.ask('DELETE', '/apps/broken')).status).toBe(200);
    expect((await running.ask('GET', '/apps')).json.refused).toEqual([]);
  });
});

describe('PATCH /apps/{id}', () => {
  it('changes what is named, for sockets that are open, and null is the default again', async () => {
    await using running = await start({
      apps: [{ ...chat, clientEvents: true, limits: { connections: 5, batchEvents: 3 } }],
    });
    const { server, ask } = running;
    const { json } = await ask('PATCH', '/apps/chat', { clientEvents: null, limits: { connections: 6 } });
    expect(json.app).toMatchObject({ ...chat, clientEvents: false, limits: { connections: 6, batchEvents: 3 } });
    await using client = await connect(server, { key: 'chat-key' });
    expect((await ask('PATCH', '/apps/chat', { enabled: false })).status).toBe(200);
    expect((await client.closed).code).toBe(4003);
  });

  it('takes back what was read, with what URLs and headers of webhooks hold', async () => {
    const webhooks = [{ url: 'https://app.example/hook?token=hush', headers: { Authorization: 'Bearer hush' } }];
    await using running = await start({ apps: [{ ...chat, name: 'Chat', webhooks }] });
    const { app } = (await running.ask('GET', '/apps/chat')).json as unknown as Stored;
    expect(app).toMatchObject({ webhooks });
    const { status, json } = await running.ask('PATCH', '/apps/chat', app);
    expect([status, json.app]).toEqual([200, app]);
  });

  it('removes with null what an app can be without, and no more', async () => {
    const limits = { connections: 5, batchEvents: 3 };
    await using running = await start({ apps: [{ ...chat, name: 'Chat', limits }] });
    const { json } = await running.ask('PATCH', '/apps/chat', { name: null, limits: { connections: null } });
    expect(json.app).not.toHaveProperty('name');
    expect(json.app).toMatchObject({ limits: { connections: 0, batchEvents: 3 } });
    expect((await running.ask('PATCH', '/apps/chat', { limits: null })).json.app).toMatchObject({
      limits: { connections: 0, batchEvents: 10 },
    });
  });

  it('by two who read the same is taken from the first; without a version the last one wins', async () => {
    await using running = await start({ apps: [chat] });
    const { ask } = running;
    const { version } = (await ask('GET', '/apps/chat')).json as unknown as Stored;
    expect((await ask('PATCH', `/apps/chat?version=${version}`, { name: 'first' })).status).toBe(200);
    const second = await ask('PATCH', `/apps/chat?version=${version}`, { name: 'second' });
    expect([second.status, second.json.error]).toEqual([
      409,
      'The app chat was changed by somebody else meanwhile: read it again.',
    ]);
    expect((await ask('PATCH', '/apps/chat', { name: 'third' })).json).toMatchObject({ app: { name: 'third' } });
  });

  it('by many at once is done for each of them, and none undoes another', async () => {
    await using running = await start({ apps: [chat] });
    const { ask } = running;
    const limits = [
      'connections',
      'payloadBytes',
      'channelsPerEvent',
      'batchEvents',
      'presenceMembers',
      'memberInfoBytes',
    ];
    const patched = await Promise.all(limits.map((limit) => ask('PATCH', '/apps/chat', { limits: { [limit]: 7 } })));
    expect(patched.map(({ status }) => status)).toEqual(limits.map(() => 200));
    const rotated = await Promise.all([1, 2, 3, 4].map(() => ask('POST', '/apps/chat/rotate')));
    expect(rotated.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const { app } = (await ask('GET', '/apps/chat')).json as unknown as Stored;
    expect(app.limits).toMatchObject(Object.fromEntries(limits.map((limit) => [limit, 7])));
    expect(app.keys).toHaveLength(4);
  });

  it.each<[body: unknown, status: number, error: string]>([
    [{ id: 'other' }, 400, 'Invalid id: an app keeps its id'],
    [{ secret: null }, 400, 'Invalid secret: null would take it out, and it is needed'],
    [{ webhooks: [{ url: null }] }, 400, 'Invalid webhooks.0.url: Invalid input: expected string, received null'],
    ['{"__proto__":{"name":"x"}}', 400, 'Unknown parameter: __proto__'],
    ['{"__proto__":null}', 400, 'Unknown parameter: __proto__'],
    ['{"limits":{"__proto__":{"connections":1}}}', 400, 'Unknown parameter: limits.__proto__'],
    ['{"limits":{"constructor":{"connections":1}}}', 400, 'Unknown parameter: limits.constructor'],
    ['{"prototype":{"name":"x"}}', 400, 'Unknown parameter: prototype'],
    [`{"limits":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_001)}`, 400, 'Invalid limits.a.a: nests too deeply'],
    [{ limits: 5 }, 400, 'Invalid limits: Invalid input: expected object, received number'],
    [{ colour: 'red' }, 400, 'Unknown parameter: colour'],
    [[], 400, 'Invalid the request body: Invalid input: expected object, received array'],
    [{ key: 'other-key' }, 409, 'The key other-key is one of the app other already.'],
  ])('refuses %j, and nothing changes', async (body, status, error) => {
    await using running = await start({ apps: [chat, { id: 'other', key: 'other-key', secret: 's' }] });
    const { version } = (await running.ask('GET', '/apps/chat')).json as unknown as Stored;
    const answer = await running.ask('PATCH', '/apps/chat', body);
    expect([answer.status, answer.json]).toEqual([status, { error }]);
    expect((await running.ask('GET', '/apps/chat')).json.version).toBe(version);
  });
});

describe('DELETE /apps/{id}', () => {
  it('removes the app and closes its sockets', async () => {
    await using running = await start({ apps: [chat] });
    const { server, ask } = running;
    await using client = await connect(server, { key: 'chat-key' });
    expect((await ask('DELETE', '/apps/chat?version=nonsense')).status).toBe(409);
    expect((await ask('DELETE', '/apps/chat')).json).toEqual({});
    expect((await client.closed).code).toBe(4001);
    expect((await ask('DELETE', '/apps/chat')).status).toBe(404);
  });
});

describe('POST /apps/{id}/rotate', () => {
  it('makes a new pair, and the old one is good until its end; pairs that have ended are dropped', async () => {
    const ended = { key: 'ended-key', secret: 's', notAfter: '2020-01-01T00:00:00Z' };
    await using running = await start({ apps: [{ ...chat, keys: [ended] }] });
    const { server, ask } = running;
    const { status, json } = await ask('POST', '/apps/chat/rotate', { overlapSeconds: 3600 });
    const { key, secret, previous } = json as {
      key: string;
      secret: string;
      previous: { key: string; notAfter: string };
    };
    expect([status, previous.key]).toEqual([200, 'chat-key']);
    const leftMs = Date.parse(previous.notAfter) - Date.now();
    expect(Math.abs(leftMs - 3_600_000)).toBeLessThan(60_000);
    for (const pair of [signed(key, secret), signed('chat-key', 'chat-secret')]) {
      expect((await api(server, 'GET', '/apps/chat/channels', pair)).status).toBe(200);
    }
    const { app } = (await ask('GET', '/apps/chat')).json as unknown as Stored;
    expect(app).toMatchObject({ key, secret, keys: [{ key: 'chat-key', secret: 'chat-secret' }] });
  });

  it('without overlap ends the old pair at once', async () => {
    await using running = await start({ apps: [chat] });
    const { server, ask } = running;
    const { json } = await ask('POST', '/apps/chat/rotate', { overlapSeconds: 0 });
    const { notAfter } = json.previous as { notAfter: string };
    const answer = await api(server, 'GET', '/apps/chat/channels', signed('chat-key', 'chat-secret'));
    expect([answer.status, answer.text]).toEqual([
      401,
      `Unknown auth_key: chat-key is not a key of this app any more, it ended at ${notAfter}`,
    ]);
  });

  it('leaves the old pair a day where nothing is said, and refuses a strange overlap', async () => {
    await using running = await start({ apps: [chat] });
    const { previous } = (await running.ask('POST', '/apps/chat/rotate')).json as { previous: { notAfter: string } };
    expect(Math.abs(Date.parse(previous.notAfter) - Date.now() - 86_400_000)).toBeLessThan(60_000);
    expect((await running.ask('POST', '/apps/chat/rotate', { overlapSeconds: -1 })).status).toBe(400);
    expect((await running.ask('POST', '/apps/chat/rotate', { overlap: 1 })).json.error).toBe(
      'Unknown parameter: overlap',
    );
  });
});

it('apps of the configuration are listed, and not to be changed', async () => {
  await using server = await startServer({}, { admin: { tokens: [adminToken] } });
  expect((await admin(server, 'GET', '/apps')).json).toMatchObject({ apps: [{ id: 'app-id', key: 'app-key' }] });
  const error = 'Apps cannot be changed here: they are in the configuration, or in a table of somebody else.';
  for (const [method, path] of [
    ['POST', '/apps'],
    ['GET', '/apps/app-id'],
    ['PATCH', '/apps/app-id'],
    ['DELETE', '/apps/app-id'],
    ['POST', '/apps/app-id/rotate'],
  ] as const) {
    const body = method === 'GET' || method === 'DELETE' ? undefined : { id: 'new' };
    const sent = path.endsWith('rotate') ? {} : body;
    const answer = await admin(server, method, path, sent === undefined ? {} : { body: sent });
    expect([answer.status, answer.json]).toEqual([403, { error }]);
  }
});

describe('a server that could not read what another one wrote', () => {
  /** Looks only when it is asked something. */
  class Unwatched extends FileSource {
    override listen(): void {}
  }

  it.each([
    ['PATCH', '/apps/{id}', { name: 'mine' }],
    ['POST', '/apps/{id}/rotate', { overlapSeconds: 0 }],
  ])('does not write over it, whatever version is asked for: %s %s', async (method, path, body) => {
    files += 1;
    const file = join(folder, `${files}.json`);
    writeFileSync(file, JSON.stringify({ apps: [chat] }));
    const source = new Unwatched(file);
    const store = new StoredApps(source, new Log().logger, { lookEveryMs: 3_600_000 });
    await using harness = await createHarness({}, {}, undefined, store);
    const another = new FileSource(file);
    const written = await another.writer.update('chat', makeApp('chat', { secret: 'rotated' }), undefined);
    const { version } = written as { version: string };
    const edit = appEndpoints(harness.core).find((one) => one.method === method && one.path === path);
    const change = () =>
      edit?.handle({
        params: { id: 'chat' },
        query: { version },
        body,
        bytes: Buffer.of(),
        headers: {},
        app: harness.app,
      });
    suspend(source, 'revision').fail(new Error('away'));
    await expect(change()).rejects.toMatchObject({ status: 409 });
    expect((await another.load())[0]?.value).toMatchObject({ secret: 'rotated' });
    await expect(change()).resolves.toBeDefined();
  });
});
