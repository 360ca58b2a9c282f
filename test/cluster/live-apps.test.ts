// Apps that change while sockets are open, on two servers over one Redis which has the apps: what counts everywhere
// within two seconds.
import { afterAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { RedisSource } from '../../src/adapters/apps/redis.ts';
import { StoredApps } from '../../src/adapters/apps/stored-apps.ts';
import { type App, appSchema } from '../../src/core/app.ts';
import { sign } from '../../src/protocol/signature.ts';
import { api } from '../support/api.ts';
import { type Client, connect } from '../support/client.ts';
import { Log, startRedis } from '../support/redis.ts';
import { credentials, startServer, type TestServer } from '../support/server.ts';

const redis = await startRedis();
afterAll(() => redis[Symbol.asyncDispose]());

type AppInput = Partial<z.input<typeof appSchema>>;

const makeApp = (settings: AppInput): App => appSchema.parse({ ...credentials, clientEvents: true, ...settings });

/** Two servers, a socket on each, and somebody else who changes the app they share. */
class Changing implements AsyncDisposable {
  readonly #store: StoredApps;
  readonly servers: readonly TestServer[];
  readonly clients: readonly Client[];

  constructor(store: StoredApps, servers: TestServer[], clients: Client[]) {
    this.#store = store;
    this.servers = servers;
    this.clients = clients;
  }

  static async start(app: AppInput = {}): Promise<Changing> {
    const settings = redis.settings();
    const { logger } = new Log();
    const store = new StoredApps(new RedisSource(settings, logger), logger, { development: true });
    await store.start(() => {});
    await store.editor?.create(makeApp(app));
    const config = { adapter: 'redis', redis: settings, appStore: { driver: 'redis' }, development: true } as const;
    const servers = await Promise.all([startServer({}, config), startServer({}, config)]);
    const clients = await Promise.all(servers.map((server) => connect(server)));
    return new Changing(store, servers, clients);
  }

  /** Resolves when both servers have taken it up. @param app undefined: removed */
  async change(app: AppInput | undefined): Promise<void> {
    const counts = this.servers.map(changesOf);
    if (app === undefined) await this.#store.editor?.remove(credentials.id, undefined);
    else await this.#store.editor?.replace(makeApp(app), undefined);
    await Promise.all(this.servers.map((server, index) => server.line(() => changesOf(server) > (counts[index] ?? 0))));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.clients) await client[Symbol.asyncDispose]();
    await Promise.all([this.#store.stop(), ...this.servers.map((server) => server.stop())]);
  }
}

function changesOf({ logged }: TestServer): number {
  return logged.filter(({ msg }) => msg === 'an app changed').length;
}

async function within2s(work: () => Promise<void>): Promise<void> {
  const beganAtMs = performance.now();
  await work();
  expect(performance.now() - beganAtMs).toBeLessThan(2000);
}

/** What comes of a join with a token of this pair. */
async function join(client: Client, channel: string, pair: { key: string; secret: string }): Promise<string> {
  const auth = sign(pair, `${client.socketId}:${channel}`);
  client.send({ event: 'pusher:subscribe', data: { channel, auth } });
  for (;;) {
    const { event, channel: answered } = await client.next();
    if (answered === channel) return event;
  }
}

const succeeded = 'pusher_internal:subscription_succeeded';
const failed = 'pusher:subscription_error';

describe('two servers whose apps are in Redis', () => {
  test('hold sockets to a limit that is lowered', async () => {
    await using changing = await Changing.start();
    await within2s(() => changing.change({ limits: { channelsPerConnection: 1, payloadBytes: 4 } }));
    for (const client of changing.clients) {
      await client.joined('private-x');
      client.subscribe('news');
      expect((await client.nextOf('pusher:subscription_error')).channel).toBe('news');
      client.send({ event: 'client-x', channel: 'private-x', data: 'too long' });
      expect(JSON.stringify(await client.nextOf('pusher:error'))).toContain('4 bytes');
    }
  });

  test('take messages of sockets as large as they may be by then, and close those that send larger ones', async () => {
    await using changing = await Changing.start({ limits: { payloadBytes: 10 } });
    const { clients } = changing;
    for (const client of clients) await client.joined('private-x');
    const [sender, listener] = clients as [Client, Client];
    await within2s(() => changing.change({ limits: { payloadBytes: 50_000 } }));
    const data = 'x'.repeat(50_000);
    sender.send({ event: 'client-x', channel: 'private-x', data });
    expect((await listener.nextOf('client-x')).data).toBe(data);
    await within2s(() => changing.change({ limits: { payloadBytes: 10 } }));
    sender.send({ event: 'client-x', channel: 'private-x', data });
    expect((await sender.closed).code).toBe(1009);
    await listener.expectNothing();
  });

  test('take a new secret at once, and the one before until its notAfter', async () => {
    await using changing = await Changing.start();
    const fresh = { key: 'key-2', secret: 'secret-2' };
    const before = { key: credentials.key, secret: credentials.secret };
    for (const client of changing.clients) expect(await join(client, 'private-a', fresh)).toBe(failed);
    const notAfter = '2999-01-01T00:00:00Z';
    await within2s(() => changing.change({ ...fresh, keys: [{ ...before, notAfter }] }));
    for (const [index, client] of changing.clients.entries()) {
      expect(await join(client, 'private-a', fresh)).toBe(succeeded);
      expect(await join(client, 'private-b', before)).toBe(succeeded);
      const server = changing.servers[index]!;
      for (const { key, secret } of [fresh, before]) {
        const request = { query: { auth_key: key }, secret };
        expect((await api(server, 'GET', '/apps/app-id/channels', request)).status).toBe(200);
        await using _ = await connect(server, { key });
      }
    }
    await within2s(() => changing.change({ ...fresh, keys: [{ ...before, notAfter: '2020-01-01T00:00:00Z' }] }));
    for (const [index, client] of changing.clients.entries()) {
      expect(await join(client, 'private-c', before)).toBe(failed);
      expect(await join(client, 'private-c', fresh)).toBe(succeeded);
      const answer = await api(changing.servers[index]!, 'GET', '/apps/app-id/channels');
      expect([answer.status, answer.text]).toEqual([
        401,
        'Unknown auth_key: app-key is not a key of this app any more, it ended at 2020-01-01T00:00:00Z',
      ]);
    }
  });

  test.each([
    ['disabled', { enabled: false }, { code: 4003, reason: 'The app is not enabled.' }],
    ['removed', undefined, { code: 4001, reason: 'Application does not exist' }],
  ])('close the sockets of an app that is %s', async (_, app, closed) => {
    await using changing = await Changing.start();
    await within2s(async () => {
      await changing.change(app);
      for (const client of changing.clients) expect(await client.closed).toEqual(closed);
    });
  });
});
