// The checklist of what real clients need from a server (client-quirks.md §10), on raw frames: the rows about what frames
// and answers hold. The others are in quirks-connection.test.ts.
import { describe, expect, it } from 'vitest';
import { api, trigger } from '../support/api.ts';
import { Client, connect, type Frame } from '../support/client.ts';
import { startServer } from '../support/server.ts';

describe('quirks §10.3: every frame has data, a string but in pusher:error', () => {
  it('quirks §10.3 on every frame the server can send', async () => {
    await using server = await startServer({ clientEvents: true, subscriptionCount: true, watchlists: true });
    await using client = new Client(server);
    const frames: Frame[] = [await client.next()];
    client.socketId = (JSON.parse(frames[0]!.data as string) as { socket_id: string }).socket_id;
    const until = async (event: string): Promise<void> => {
      do frames.push(await client.next());
      while (frames.at(-1)?.event !== event);
    };
    client.signIn({ id: 'ada', watchlist: ['bob'] });
    await until('pusher_internal:watchlist_events');
    client.subscribe('cache-x');
    await until('pusher_internal:subscription_count');
    client.subscribe('presence-x', { user_id: 'ada' });
    await until('pusher_internal:subscription_succeeded');
    const other = await connect(server);
    await other.joined('presence-x', { user_id: 'bob' });
    await until('pusher_internal:member_added');
    other.send({ event: 'client-e', channel: 'presence-x' });
    await until('client-e');
    await other.leave();
    await until('pusher_internal:member_removed');
    client.send({ event: 'pusher:subscribe', data: { channel: 'private-x' } });
    await until('pusher:subscription_error');
    client.send('nonsense');
    await until('pusher:error');
    await trigger(server, { name: 'e', channel: 'cache-x', data: { an: 'object' } });
    await until('e');
    client.send({ event: 'pusher:ping' });
    await until('pusher:pong');
    const events = new Set(frames.map(({ event }) => event));
    expect(events).toContain('pusher:signin_success');
    expect(events).toContain('pusher:cache_miss');
    expect(events.size).toBe(13);
    for (const { event, data } of frames) {
      if (event === 'pusher:error') expect(data).toEqual({ code: expect.any(Number), message: expect.any(String) });
      else expect([event, typeof data]).toEqual([event, 'string']);
    }
  });
});

describe('quirks §10.5: subscribing forgives', () => {
  it('quirks §10.5 a signature for a former socket id, then the right one', async () => {
    await using server = await startServer();
    await using former = await connect(server);
    await using client = await connect(server);
    const { socketId } = client;
    client.socketId = former.socketId;
    client.subscribe('private-x');
    expect(await client.next()).toMatchObject({ event: 'pusher:error', data: { code: 4009 } });
    expect(await client.next()).toMatchObject({ event: 'pusher:subscription_error', channel: 'private-x' });
    client.socketId = socketId;
    await client.joined('private-x');
    await client.expectNothing();
  });

  it('quirks §10.5 a second subscribe is acknowledged again, an unknown unsubscribe ignored', async () => {
    await using server = await startServer();
    await using client = await connect(server);
    const data = { user_id: 'ada', user_info: { a: 1 } };
    expect(await client.joined('presence-x', data)).toEqual(await client.joined('presence-x', data));
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'never-joined' } });
    await client.expectNothing();
    await trigger(server, { name: 'once', channel: 'presence-x', data: '' });
    expect((await client.next()).event).toBe('once');
    await client.expectNothing();
  });
});

describe('quirks §10.8: data may be an object or its text, auth may be missing', () => {
  it.each([
    '{"event":"pusher:subscribe","data":{"channel":"x"}}',
    '{"event":"pusher:subscribe","data":{"channel":"x","auth":""}}',
    '{"event":"pusher:subscribe","data":{"channel":"x","auth":null,"channel_data":null}}',
    '{"event": "pusher:subscribe", "data": "{\\"channel\\":\\"x\\"}"}',
    '{"channel":null,"event":"pusher:subscribe","data":{"auth":"","channel":"x","channel_data":""}}',
  ])('quirks §10.8 %s', async (text) => {
    await using server = await startServer();
    await using client = await connect(server);
    client.send(text);
    expect(await client.next()).toEqual({
      event: 'pusher_internal:subscription_succeeded',
      channel: 'x',
      data: '{}',
    });
    client.send('{"event":"pusher:unsubscribe","data":"{\\"channel\\":\\"x\\"}"}');
    await client.expectNothing();
    expect((await api(server, 'GET', '/apps/app-id/channels')).json).toEqual({ channels: {} });
  });
});

describe('quirks §10.9: user ids are strings, the hash is complete, user_info untouched', () => {
  it('quirks §10.9 in the snapshot, in member_added and member_removed, and in the API', async () => {
    await using server = await startServer();
    await using watcher = await connect(server);
    await watcher.joined('presence-x', '{"user_id": 0}');
    const infos = ['{}', '[]', 'null', '"text"', '{"deep":{"a":[1,{"b":"☃"}]},"10":1}', 'false'];
    const clients: Client[] = [];
    for (const [index, info] of infos.entries()) {
      const client = await connect(server);
      clients.push(client);
      await client.joined('presence-x', `{"user_id":${index + 1},"user_info":${info}}`);
      expect((await watcher.next()).data).toBe(`{"user_id":"${index + 1}","user_info":${orderedAsParsed(info)}}`);
    }
    const { data } = await watcher.joined('presence-x', '{"user_id":"0"}');
    const { presence } = JSON.parse(data as string) as { presence: { count: number; ids: string[]; hash: object } };
    expect(presence.ids).toEqual(['0', '1', '2', '3', '4', '5', '6']);
    expect(Object.keys(presence.hash)).toEqual(presence.ids);
    expect(Object.values(presence.hash)).toEqual([null, ...infos.map((info) => JSON.parse(info) as unknown)]);
    expect((await api(server, 'GET', '/apps/app-id/channels/presence-x/users')).json).toEqual({
      users: presence.ids.map((id) => ({ id })),
    });
    await clients[0]?.leave();
    expect((await watcher.next()).data).toBe('{"user_id":"1"}');
    for (const client of clients.slice(1)) await client.leave();
  });
});

/** Keys that are numbers come first wherever JSON was parsed, here as in any client. */
function orderedAsParsed(json: string): string {
  return JSON.stringify(JSON.parse(json));
}

describe('quirks §10.10: the API answers 200 and a JSON object', () => {
  it.each([
    ['POST', '/events', { name: 'e', channel: 'x', data: '' }, '{}'],
    ['POST', '/batch_events', { batch: [{ name: 'e', channel: 'x', data: '' }] }, '{}'],
    [
      'POST',
      '/batch_events',
      { batch: [{ name: 'e', channel: 'x', data: '', info: 'subscription_count' }] },
      '{"batch":[{"subscription_count":0}]}',
    ],
    ['POST', '/users/7/terminate_connections', {}, '{}'],
    ['GET', '/channels', undefined, '{"channels":{}}'],
    ['GET', '/channels/x', undefined, '{"occupied":false}'],
    ['GET', '/channels/presence-x/users', undefined, '{"users":[]}'],
    ['GET', '/connections', undefined, '{"connections":0}'],
  ])('quirks §10.10 %s %s', async (method, path, body, expected) => {
    await using server = await startServer();
    const answer = await api(server, method, `/apps/app-id${path}`, body === undefined ? {} : { body });
    expect([answer.status, answer.text]).toEqual([200, expected]);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(answer.headers.get('content-length')).toBe(String(expected.length));
  });
});

describe('quirks §10.12: event names have no forbidden characters, only a length', () => {
  it.each([
    'App\\Events\\A',
    'order.shipped',
    'with space',
    '"quoted"',
    'ünïcødé ☃ 𝄞',
    'a'.repeat(200),
    'clientless',
    '\n',
  ])('quirks §10.12 %j', async (name) => {
    await using server = await startServer();
    await using client = await connect(server);
    await client.joined('x');
    expect((await trigger(server, { name, channel: 'x', data: 'd' })).status).toBe(200);
    expect(await client.next()).toEqual({ event: name, channel: 'x', data: 'd' });
  });

  it('quirks §10.12 201 characters are refused', async () => {
    await using server = await startServer();
    expect((await trigger(server, { name: 'a'.repeat(201), channel: 'x', data: 'd' })).status).toBe(400);
  });
});
