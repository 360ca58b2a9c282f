// pusher-js's web build and Echo in a real Chromium, on pages of an application with its own auth endpoint.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer } from '../support/server.ts';
import { type Backend, startBackend, type Visitor } from './support/backend.ts';
import { type Browser, type BrowserPage, startBrowser } from './support/browser.ts';
import { Cable } from './support/cable.ts';
import { clientOptions } from './support/pusher-js.ts';

const ada = { id: 'ada', info: { name: 'Ada' } };
const bob = { id: 'bob', info: { name: 'Bob' } };

let browser: Browser;

beforeAll(async () => {
  browser = await startBrowser();
});

afterAll(async () => {
  await browser[Symbol.asyncDispose]();
});

/** A page whose pusher-js has connected. */
async function connectedPage(server: { port: number }, backend: Backend, visitor: Visitor = ada): Promise<BrowserPage> {
  const page = await browser.visit(backend.url);
  await page.call('open', 'app-key', clientOptions(server, backend, visitor));
  await page.next('state', 'connected');
  return page;
}

describe('pusher-js in Chromium', () => {
  it('connects, and receives events with names as Laravel sends them', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    const page = await connectedPage(server, backend);
    await page.call('subscribe', 'news');
    await page.next('news', 'pusher:subscription_succeeded');
    await backend.sdk.trigger('news', 'App\\Events\\Order Shipped.v2', { text: '☃ "quoted" \\ 𝄞' });
    expect(await page.next('news', 'App\\Events\\Order Shipped.v2')).toEqual([{ text: '☃ "quoted" \\ 𝄞' }]);
    await page.close();
  });

  it('joins private and cache channels through the auth endpoint', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    const page = await connectedPage(server, backend);
    await backend.sdk.trigger('private-cache-news', 'e', { last: true });
    await page.call('subscribe', 'private-news');
    await page.next('private-news', 'pusher:subscription_succeeded');
    await page.call('subscribe', 'private-cache-news');
    expect(await page.next('private-cache-news', 'e')).toEqual([{ last: true }]);
    await page.call('subscribe', 'private-forbidden');
    await page.next('private-forbidden', 'pusher:subscription_error');
    expect(await page.call('state')).toBe('connected');
    await page.close();
  });

  it('shows two pages to each other on a presence channel, and passes client events between them', async () => {
    await using server = await startServer({ clientEvents: true });
    await using backend = await startBackend(server);
    const first = await connectedPage(server, backend, ada);
    await first.call('subscribe', 'presence-chat');
    await first.next('presence-chat', 'pusher:subscription_succeeded');
    const second = await connectedPage(server, backend, bob);
    await second.call('subscribe', 'presence-chat');
    await second.next('presence-chat', 'pusher:subscription_succeeded');
    await first.next('presence-chat', 'pusher:member_added');
    expect(await first.call('members', 'presence-chat')).toEqual({
      count: 2,
      me: { id: 'ada', info: ada.info },
      all: ['ada', 'bob'],
    });
    await first.call('hear', 'presence-chat', 'client-typing');
    expect(await second.call('send', 'presence-chat', 'client-typing', { at: 1 })).toBe(true);
    expect(await first.next('heard', 'client-typing')).toEqual([{ at: 1 }, { user_id: 'bob' }]);
    // Closing the tab is leaving.
    await second.close();
    await first.next('presence-chat', 'pusher:member_removed');
    expect(await first.call('members', 'presence-chat')).toMatchObject({ count: 1, all: ['ada'] });
    await first.close();
  });

  it('signs in and hears what is sent to its user', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    const page = await connectedPage(server, backend);
    await page.call('signin');
    await page.next('subscribed', '#server-to-user-ada');
    await backend.sdk.sendToUser('ada', 'App\\Notified', { n: 1 });
    expect(await page.next('user', 'App\\Notified')).toEqual([{ n: 1 }]);
    await page.close();
  });

  it('is refused from an origin that is not allowed, for good, and let in from one that is', async () => {
    await using server = await startServer({ allowedOrigins: ['127.0.0.1'] });
    await using backend = await startBackend(server);
    const stranger = await browser.visit(backend.url.replace('127.0.0.1', 'localhost'));
    await stranger.call('open', 'app-key', clientOptions(server));
    await stranger.next('error', 4009);
    await stranger.next('state', 'disconnected');
    await stranger.close();
    const page = await connectedPage(server, backend);
    expect(await page.call('state')).toBe('connected');
    await page.close();
  });

  it('comes back by itself, subscribed, when another server takes over', async () => {
    await using server = await startServer();
    await using next = await startServer();
    await using backend = await startBackend(next);
    await using cable = await Cable.to(server.port);
    const page = await connectedPage(cable, backend);
    await page.call('subscribe', 'private-news');
    await page.next('private-news', 'pusher:subscription_succeeded');
    cable.target = next.port;
    await server.stop();
    await page.next('error', 4200);
    await page.next('state', 'connected');
    await page.next('private-news', 'pusher:subscription_succeeded');
    await backend.sdk.trigger('private-news', 'e', 1);
    expect(await page.next('private-news', 'e')).toEqual([1]);
    await page.close();
  });

  it('stays away when its user was terminated', async () => {
    await using server = await startServer();
    await using backend = await startBackend(server);
    const page = await connectedPage(server, backend);
    await page.call('subscribe', 'presence-room');
    await page.next('presence-room', 'pusher:subscription_succeeded');
    await backend.sdk.terminateUserConnections('ada');
    await page.next('error', 4009);
    await page.next('state', 'disconnected');
    await page.close();
  });
});

describe('Echo in Chromium', () => {
  it('here, joining, leaving, whispers and events between two pages', async () => {
    await using server = await startServer({ clientEvents: true });
    await using backend = await startBackend(server);
    const open = async (visitor: Visitor): Promise<BrowserPage> => {
      const page = await browser.visit(backend.url);
      await page.call('openEcho', {
        broadcaster: 'reverb',
        key: server.app.key,
        ...clientOptions(server, backend, visitor),
      });
      await page.call('joinEcho', 'chat.1');
      return page;
    };
    const first = await open(ada);
    expect(await first.next('here')).toEqual([[ada.info]]);
    const second = await open(bob);
    expect(await second.next('here')).toEqual([[ada.info, bob.info]]);
    expect(await first.next('joining')).toEqual([bob.info]);
    await second.call('whisper', 'chat.1', 'typing', { name: 'Bob' });
    expect(await first.next('typing')).toEqual([{ name: 'Bob' }]);
    await backend.sdk.trigger('presence-chat.1', 'App\\Events\\MessageSent', { id: 1 });
    expect(await second.next('MessageSent')).toEqual([{ id: 1 }]);
    await second.close();
    expect(await first.next('leaving')).toEqual([bob.info]);
    await first.close();
  });
});
