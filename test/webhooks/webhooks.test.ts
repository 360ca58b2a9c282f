// Webhooks of a real server, received by real HTTP servers.
import { describe, expect, test } from 'vitest';
import { api, trigger } from '../support/api.ts';
import { type Client, connect } from '../support/client.ts';
import { startServer } from '../support/server.ts';
import { answer, hang, inWords, startReceiver } from './support/receiver.ts';

const shout = (client: Client, channel: string, data: string) => client.send({ event: 'client-shout', channel, data });

const app = (url: string, more: object = {}) => ({
  clientEvents: true,
  subscriptionCount: true,
  webhooks: [{ url, vacatedDelayMs: 0, ...more }],
});

describe('what is sent', () => {
  test('each of Pusher’s events, as it says', async () => {
    await using receiver = await startReceiver();
    await using server = await startServer(app(receiver.url));
    await using ada = await connect(server);
    await ada.joined('presence-a', { user_id: '1' });
    await ada.joined('cache-b');
    await ada.joined('private-c');
    shout(ada, 'presence-a', 'one');
    shout(ada, 'private-c', '{"n":2}');
    const socket = ada.socketId;
    await ada.leave();
    const words = (await receiver.events(15)).map(inWords).sort();
    expect(words).toEqual(
      [
        'channel_occupied presence-a',
        'member_added presence-a 1',
        'cache_miss cache-b',
        'channel_occupied cache-b',
        'subscription_count cache-b 1',
        'channel_occupied private-c',
        'subscription_count private-c 1',
        `client_event presence-a client-shout one ${socket} 1`,
        `client_event private-c client-shout {"n":2} ${socket}`,
        'member_removed presence-a 1',
        'channel_vacated presence-a',
        'channel_vacated cache-b',
        'subscription_count cache-b 0',
        'channel_vacated private-c',
        'subscription_count private-c 0',
      ].sort(),
    );
  });
});

describe('connections', () => {
  test('are told of where they are asked for, with the user who was signed in', async () => {
    await using receiver = await startReceiver();
    await using server = await startServer(app(receiver.url, { events: ['connection_opened', 'connection_closed'] }));
    await using ada = await connect(server);
    ada.signIn({ id: '7' });
    await ada.nextOf('pusher:signin_success');
    await ada.leave();
    expect(await receiver.events(2)).toEqual([
      { id: expect.any(String), name: 'connection_opened', channel: '', socket_id: ada.socketId },
      { id: expect.any(String), name: 'connection_closed', channel: '', socket_id: ada.socketId, user_id: '7' },
    ]);
  });
});

describe('REC webhooks §4', () => {
  test('events of a short while go in one request', async () => {
    await using receiver = await startReceiver();
    await using server = await startServer(app(receiver.url, { batchMs: 200 }));
    await using ada = await connect(server);
    for (const channel of ['a', 'b', 'c']) await ada.joined(channel);
    await receiver.events(6);
    expect(receiver.requests.length).toBeLessThanOrEqual(2);
  });

  test('or each in one of its own, in order', async () => {
    await using receiver = await startReceiver();
    await using server = await startServer(app(receiver.url, { batchEvents: 1 }));
    await using ada = await connect(server);
    await ada.joined('private-a');
    for (let n = 0; n < 9; n += 1) shout(ada, 'private-a', String(n));
    const events = await receiver.events(11);
    expect(receiver.requests.every((request) => request.events.length === 1)).toBe(true);
    expect(events.filter(({ data }) => data !== undefined).map(({ data }) => data)).toEqual([...'012345678']);
  });
});

test('REC webhooks §6: each endpoint gets what it asks for, and no request is empty', async () => {
  await using one = await startReceiver();
  await using two = await startReceiver();
  await using server = await startServer({
    webhooks: [
      { url: one.url, channelStartsWith: 'private-', events: ['channel_occupied'], headers: { 'X-Mine': 'yes' } },
      { url: two.url, channelEndsWith: '.2' },
    ],
  });
  await using ada = await connect(server);
  for (const channel of ['a', 'private-b.2', 'private-c', 'd.2']) await ada.joined(channel);
  expect((await one.events(2)).map(({ channel }) => channel)).toEqual(['private-b.2', 'private-c']);
  expect((await two.events(2)).map(({ channel }) => channel)).toEqual(['private-b.2', 'd.2']);
  expect([...one.requests, ...two.requests].every(({ events }) => events.length > 0)).toBe(true);
  expect(one.requests[0]?.headers['x-mine']).toBe('yes');
});

test('REC webhooks §3: a member who comes back at once neither leaves nor joins', async () => {
  await using receiver = await startReceiver();
  await using server = await startServer(app(receiver.url, { vacatedDelayMs: 1500 }));
  await using ada = await connect(server);
  await ada.joined('presence-a', { user_id: '1' });
  await ada.leave();
  await using again = await connect(server);
  await again.joined('presence-a', { user_id: '1' });
  await again.joined('fence');
  await receiver.until((requests) => requests.some(({ events }) => events.some(({ channel }) => channel === 'fence')));
  await again.leave();
  await receiver.until((requests) =>
    requests.some(({ events }) => events.some(({ name }) => name === 'channel_vacated')),
  );
  expect(
    receiver
      .all()
      .filter(({ channel }) => channel === 'presence-a')
      .map(inWords),
  ).toEqual([
    'channel_occupied presence-a',
    'member_added presence-a 1',
    'member_removed presence-a 1',
    'channel_vacated presence-a',
  ]);
});

test('two apps’ events are signed by their own secrets', async () => {
  await using receiver = await startReceiver();
  const other = { id: 'other', key: 'other-key', secret: 'other-secret', webhooks: [{ url: receiver.url }] };
  await using server = await startServer(app(receiver.url), { apps: [other] });
  await using ada = await connect(server);
  await using bob = await connect(server, { key: 'other-key' });
  await Promise.all([ada.joined('of-ada'), bob.joined('of-bob')]);
  await receiver.until((requests) => new Set(requests.map(({ headers }) => headers['x-pusher-key'])).size === 2);
  for (const { headers, events } of receiver.requests) {
    const channel = headers['x-pusher-key'] === 'other-key' ? 'of-bob' : 'of-ada';
    expect(events.every((event) => event.channel === channel)).toBe(true);
  }
});

describe('an endpoint that', () => {
  const quick = { webhookTimes: { firstPauseMs: 50, lastPauseMs: 200 }, shutdown: { deadlineSeconds: 1 } };

  test('fails at first gets the same bytes again, and the log says so once, without what a URL may hold', async () => {
    await using receiver = await startReceiver(answer(500));
    await using server = await startServer(app(`${receiver.url}?token=hush`, { events: ['channel_occupied'] }), quick);
    await using ada = await connect(server);
    await ada.joined('a');
    await receiver.until((requests) => requests.length === 3);
    receiver.behave = answer(204);
    const { level } = await server.line(({ msg }) => msg === 'a webhook endpoint takes events again');
    expect(level).toBe(30);
    const ofFirst = receiver.requests.filter(({ body }) => body === receiver.requests[0]?.body);
    expect(ofFirst.length).toBeGreaterThan(2);
    const warnings = server.logged.filter(({ level }) => level === 40);
    expect(warnings).toMatchObject([
      {
        msg: 'a webhook endpoint does not take events',
        endpoint: `http://127.0.0.1:${receiver.port}`,
        appId: 'app-id',
        reason: 'answered 500',
      },
    ]);
    expect(JSON.stringify(server.logged)).not.toContain('hush');
    const { json } = await api(server, 'GET', '/stats');
    const queued = new Set(receiver.all().map(({ id }) => id)).size;
    const failed = receiver.requests.length - 1;
    expect((json as { webhooks: object }).webhooks).toEqual({ queued, sent: queued, failed, dead: 0, dropped: 0 });
  });

  test('hangs, or is gone, delays nobody else', async () => {
    await using hanging = await startReceiver(hang);
    await using gone = await startReceiver();
    await gone.close();
    await using well = await startReceiver();
    const webhooks = [hanging, gone, well].map(({ url }) => ({ url }));
    await using server = await startServer({ clientEvents: true, webhooks }, quick);
    await using ada = await connect(server);
    await using bob = await connect(server);
    await Promise.all([ada.joined('private-a'), bob.joined('private-a')]);
    for (let n = 0; n < 10; n += 1) shout(ada, 'private-a', String(n));
    expect((await trigger(server, { name: 'e', channel: 'private-a', data: 'd' })).status).toBe(200);
    await bob.nextOf('e');
    await well.until(() => well.all().filter(({ name }) => name === 'client_event').length === 10);
    expect(hanging.requests.length).toBeLessThanOrEqual(1);
    hanging.behave = answer(200);
  });
});

describe('a server that stops', () => {
  test('sends what is due, and says how many events end with it', async () => {
    await using receiver = await startReceiver();
    await using server = await startServer({ webhooks: [{ url: receiver.url, batchMs: 60_000 }] });
    await using ada = await connect(server);
    await ada.joined('a');
    await server.stop();
    expect(receiver.all().map(inWords)).toEqual(['channel_occupied a']);
    const lost = server.logged.find(({ msg }) => String(msg).startsWith('webhook events are lost'));
    expect(lost).toMatchObject({ events: 1, level: 40 });
  });

  test('does so within its deadline, whatever an endpoint does', async () => {
    await using receiver = await startReceiver(hang);
    await using server = await startServer(app(receiver.url), { shutdown: { deadlineSeconds: 1 } });
    await using ada = await connect(server);
    await ada.joined('a');
    await receiver.until((requests) => requests.length === 1);
    const startedMs = performance.now();
    await server.stop();
    expect(performance.now() - startedMs).toBeLessThan(2500);
    expect(server.logged.some(({ msg }) => msg === 'stopped')).toBe(true);
  });
});
