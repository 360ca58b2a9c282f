// pusher-js (Node build) after each way a server can end a connection: it comes back by itself and is subscribed again,
// or stays away where coming back is no use. Slow by nature, hence side by side.
import { describe, it } from 'vitest';
import { startServer } from '../support/server.ts';
import { startBackend } from './support/backend.ts';
import { Cable } from './support/cable.ts';
import { type Heard, hear, once } from './support/heard.ts';
import {
  type ConnectionError,
  connected,
  hasGivenUp,
  joined,
  open,
  type PusherClient,
  settled,
} from './support/pusher-js.ts';

/** What a client goes through from now on. */
function story(client: PusherClient): Heard<string> {
  const heard = hear<string>({ bind: () => undefined }, '');
  client.connection.bind('state_change', ({ current }: { current: string }) => heard.add(current));
  client.connection.bind('error', (error: ConnectionError) => {
    const code = error.data?.code ?? error.error?.data?.code;
    if (heard.all.at(-1) !== `error ${code}`) heard.add(`error ${code}`);
  });
  return heard;
}

/** Its connection and its channel come back: resolves when an event arrives on the channel. Called before they can. */
async function back(client: PusherClient, publish: () => Promise<unknown>): Promise<void> {
  const channel = client.channel('private-news');
  await once(channel, 'pusher:subscription_succeeded');
  const event = once(channel, 'e');
  await publish();
  await event;
}

describe.concurrent('stays away', () => {
  it('4001: the key is unknown', async ({ expect }) => {
    await using server = await startServer();
    using client = open(server, undefined, { key: 'unknown' });
    const heard = story(client);
    await heard.nextWhere((step) => step === 'disconnected');
    expect(heard.all).toEqual(['error 4001', 'disconnected']);
    expect(hasGivenUp(client)).toBe(true);
  });

  it('4003: the app is disabled', async ({ expect }) => {
    await using server = await startServer({ enabled: false });
    using client = open(server);
    const heard = story(client);
    await heard.nextWhere((step) => step === 'disconnected');
    expect(heard.all).toEqual(['error 4003', 'disconnected']);
    expect(hasGivenUp(client)).toBe(true);
  });

  it('4004: the app has as many connections as it may', async ({ expect }) => {
    await using server = await startServer({ limits: { connections: 1 } });
    using first = await connected(server);
    using client = open(server);
    const heard = story(client);
    await heard.nextWhere((step) => step === 'disconnected');
    expect(heard.all).toEqual(['error 4004', 'disconnected']);
    expect(hasGivenUp(client)).toBe(true);
    await settled(first);
  });

  it('4009: its user was terminated', async ({ expect }) => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using client = await connected(server, backend, { visitor: { id: 'ada' } });
    await joined(client, 'presence-room');
    const heard = story(client);
    await backend.sdk.terminateUserConnections('ada');
    await heard.nextWhere((step) => step === 'disconnected');
    expect(heard.all).toEqual(['error 4009', 'disconnected']);
    expect(hasGivenUp(client)).toBe(true);
  });
});

describe.concurrent('comes back', () => {
  it('4100: when the full server has room again', async ({ expect }) => {
    await using server = await startServer({}, { maxConnections: 1 });
    using first = await connected(server);
    using client = open(server);
    const heard = story(client);
    const retry = hear<number>(client.connection, 'connecting_in');
    await retry.next();
    expect([heard.all, client.connection.state]).toEqual([['error 4100'], 'connecting']);
    expect(retry.all).toEqual([1]);
    first.disconnect();
    await heard.nextWhere((step) => step === 'connected');
    expect(new Set(heard.all)).toEqual(new Set(['error 4100', 'connected']));
  });

  it('4100: when it read too slowly', async ({ expect }) => {
    await using server = await startServer({ limits: { payloadBytes: 1_000_000 } }, { maxUnsentBytes: 1024 });
    await using backend = await startBackend(server);
    await using cable = await Cable.to(server.port);
    using client = await connected(server, backend, { port: cable.port });
    await joined(client, 'private-news');
    const heard = story(client);
    cable.clog();
    // More than the kernel holds for a socket that is not read.
    const data = 'x'.repeat(999_999);
    await backend.sdk.triggerBatch(Array.from({ length: 10 }, () => ({ channel: 'private-news', name: 'big', data })));
    await backend.sdk.trigger('private-news', 'one too many', {});
    cable.thaw();
    await back(client, () => backend.sdk.trigger('private-news', 'e', {}));
    expect(heard.all).toEqual(['error 4100', 'connecting', 'connected']);
  });

  it('4200: at once, at the server that took over', async ({ expect }) => {
    await using server = await startServer();
    await using next = await startServer();
    await using backend = await startBackend(next);
    await using cable = await Cable.to(server.port);
    using client = await connected(server, backend, { port: cable.port });
    await joined(client, 'private-news');
    const before = client.connection.socket_id;
    const heard = story(client);
    const returned = back(client, () => backend.sdk.trigger('private-news', 'e', {}));
    cable.target = next.port;
    await server.stop();
    await returned;
    expect(heard.all).toEqual(['error 4200', 'connecting', 'connected']);
    expect(client.connection.socket_id).not.toBe(before);
  });

  it('4200: at the same port, once the server is up again', { timeout: 40_000 }, async ({ expect }) => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    using client = await connected(server, backend);
    await joined(client, 'private-news');
    const heard = story(client);
    const returned = back(client, () => backend.sdk.trigger('private-news', 'e', {}));
    await server.stop();
    await using next = await startServer({}, { port: server.port });
    await returned;
    expect(next.port).toBe(server.port);
    expect(heard.all[0]).toBe('error 4200');
    expect(heard.all.at(-1)).toBe('connected');
    expect(heard.all).not.toContain('disconnected');
    expect(heard.all).not.toContain('failed');
  });

  it('4201: when the frozen line thaws', { timeout: 30_000 }, async ({ expect }) => {
    await using server = await startServer({}, { activityTimeoutSeconds: 1, pongTimeoutSeconds: 1 });
    await using backend = await startBackend(server);
    await using cable = await Cable.to(server.port);
    using client = await connected(server, backend, { port: cable.port });
    await joined(client, 'private-news');
    const heard = story(client);
    cable.freeze();
    await cable.held('Pong reply not received in time');
    cable.thaw();
    await back(client, () => backend.sdk.trigger('private-news', 'e', {}));
    expect(heard.all).toEqual(['error 4201', 'connecting', 'connected']);
  });

  it('1006: after a second, when the connection was cut', async ({ expect }) => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    await using cable = await Cable.to(server.port);
    using client = await connected(server, backend, { port: cable.port });
    await joined(client, 'private-news');
    const heard = story(client);
    const retry = hear<number>(client.connection, 'connecting_in');
    cable.cut();
    await back(client, () => backend.sdk.trigger('private-news', 'e', {}));
    expect(retry.all).toEqual([1]);
    expect(heard.all.slice(-2)).toEqual(['connecting', 'connected']);
  });

  it('1009: after a second, when it sent a frame that is too large', async ({ expect }) => {
    await using server = await startServer({ clientEvents: true });
    await using backend = await startBackend(server);
    using client = await connected(server, backend);
    const channel = await joined(client, 'private-news');
    const heard = story(client);
    const retry = hear<number>(client.connection, 'connecting_in');
    channel.trigger('client-e', 'x'.repeat(20_000));
    await back(client, () => backend.sdk.trigger('private-news', 'e', {}));
    expect(retry.all).toEqual([1]);
    expect(heard.all).toEqual(['error 1009', 'connecting', 'connected']);
  });
});

describe.concurrent('is not ended', () => {
  it('when it has nothing to say: the server asks, and its answer counts', { timeout: 30_000 }, async ({ expect }) => {
    await using server = await startServer({}, { activityTimeoutSeconds: 1, pongTimeoutSeconds: 1 });
    using client = await connected(server);
    // As one that does not ping by itself.
    client.connection.activityTimeout = 60_000;
    const heard = story(client);
    const pings = hear(client, 'pusher:ping');
    await settled(client);
    await pings.next();
    await pings.next();
    expect(heard.all).toEqual([]);
  });
});
