// Webhooks of several servers over a real Redis, while endpoints, servers and Redis come and go: all arrive, in order, and
// what comes twice has the same id.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, connect, type Served } from '../support/client.ts';
import { openGate, startRedis, type TestRedis } from '../support/redis.ts';
import { startServer } from '../support/server.ts';
import {
  answer,
  distinct,
  inWords,
  type Received,
  type Receiver,
  startReceiver,
} from '../webhooks/support/receiver.ts';
import { Running } from '../workers/running.ts';
import { startProcess } from './support/process-node.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());

const app = (receiver: Receiver, more: object = {}) => ({
  clientEvents: true,
  limits: { clientEventsPerSecond: 0 },
  webhooks: [{ url: receiver.url, vacatedDelayMs: 500, ...more }],
});
const webhookTimes = { leaseMs: 1500, firstPauseMs: 100, lastPauseMs: 500, againMs: 200 };

async function shouter(server: Served, channel: string): Promise<Client> {
  const client = await connect(server);
  await client.joined(channel);
  return client;
}

/** So many client events with numbers, and proof that the server has them. */
async function shout(client: Client, channel: string, from: number, count: number): Promise<void> {
  for (let n = from; n < from + count; n += 1) client.send({ event: 'client-n', channel, data: String(n) });
  client.send({ event: 'pusher:ping', data: {} });
  await client.nextOf('pusher:pong');
}

const shouts = (receiver: Receiver, channel: string) =>
  distinct(receiver.all()).filter((event) => event.name === 'client_event' && event.channel === channel);
const numbers = (receiver: Receiver, channel: string) => shouts(receiver, channel).map(({ data }) => Number(data));
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

/** The same id never says two things, and one thing never has two. */
function expectOneIdEach(receiver: Receiver): void {
  const said = new Map<string, string>();
  for (const event of receiver.all()) {
    expect(said.get(event.id) ?? inWords(event)).toBe(inWords(event));
    said.set(event.id, inWords(event));
  }
  const ofClients = [...said.values()].filter((words) => words.startsWith('client_event'));
  expect(new Set(ofClients).size).toBe(ofClients.length);
}

test('an endpoint that is down for a while gets all events of two servers, in order per channel', async () => {
  await using receiver = await startReceiver();
  const config = { adapter: 'redis', redis: redis.settings(), webhookTimes } as const;
  await using a = await startServer(app(receiver), config);
  await using b = await startServer(app(receiver), config);
  await using onA = await shouter(a, 'private-a');
  await using onB = await shouter(b, 'private-b');
  await receiver.events(2);
  const { port } = receiver;
  await receiver.close();
  for (let round = 0; round < 10; round += 1) {
    await shout(onA, 'private-a', round * 30, 30);
    await shout(onB, 'private-b', round * 30, 30);
  }
  const holder = (line: Readonly<Record<string, unknown>>) => line.msg === 'a webhook endpoint does not take events';
  await Promise.race([a.line(holder), b.line(holder)]);
  await using again = await reopened(port);
  await again.until(() => again.all().length >= 600);
  expect(numbers(again, 'private-a')).toEqual(upTo(300));
  expect(numbers(again, 'private-b')).toEqual(upTo(300));
  expectOneIdEach(again);
});

async function reopened(port: number): Promise<Receiver> {
  const receiver = await startReceiver();
  await receiver.close();
  return await receiver.open(port);
}

describe('a server that is killed', () => {
  test('while it delivers loses nothing: another goes on, and what comes twice has the same id', async () => {
    // Slow, so that there is always a batch on its way.
    await using receiver = await startReceiver((_, response) => void setTimeout(() => response.end(), 50));
    const config = { adapter: 'redis', redis: redis.settings() } as const;
    const settings = app(receiver, { batchEvents: 10 });
    await using dying = await startProcess(settings, config);
    await using onDying = await shouter(dying, 'private-x');
    await receiver.events(1);
    await using b = await startServer(settings, { ...config, webhookTimes: { ...webhookTimes, leaseMs: 10_000 } });
    await using onB = await shouter(b, 'private-a');
    for (let round = 0; round < 10; round += 1) await shout(onB, 'private-a', round * 50, 50);
    await receiver.until(() => numbers(receiver, 'private-a').length >= 100);
    dying.signal('SIGKILL');
    await dying.exit();
    expect(numbers(receiver, 'private-a').length).toBeLessThan(500);
    await receiver.until(() => numbers(receiver, 'private-a').length === 500);
    expect(numbers(receiver, 'private-a')).toEqual(upTo(500));
    expectOneIdEach(receiver);
    await onDying[Symbol.asyncDispose]();
  }, 60_000);

  test('with members: each leaves once, and so does the channel', async () => {
    await using receiver = await startReceiver();
    const settings = { ...redis.settings(), leaseSeconds: 2 };
    const config = { adapter: 'redis', redis: settings } as const;
    await using b = await startServer(app(receiver), { ...config, webhookTimes });
    await using c = await startServer(app(receiver), { ...config, webhookTimes });
    await using onC = await connect(c);
    await onC.joined('presence-both', { user_id: '0' });
    await using dying = await startProcess(app(receiver), config);
    const members = await Promise.all(Array.from({ length: 20 }, () => connect(dying)));
    await Promise.all(members.map((member, n) => member.joined('presence-a', { user_id: String(n) })));
    await Promise.all(members.map((member, n) => member.joined('presence-both', { user_id: String(n) })));
    const seen = (name: string, channel: string) =>
      distinct(receiver.all()).filter((event) => event.name === name && event.channel === channel);
    await receiver.until(() => seen('member_added', 'presence-both').length === 20);
    dying.signal('SIGKILL');
    await receiver.until(
      () => seen('channel_vacated', 'presence-a').length > 0 && seen('member_removed', 'presence-both').length >= 19,
    );
    await receiver.until(() => seen('member_removed', 'presence-a').length >= 20);
    // What comes after everything that was to come.
    await using onB = await connect(b);
    await onB.joined('fence');
    await receiver.until(() => seen('channel_occupied', 'fence').length === 1);
    const users = (events: ReturnType<typeof seen>) =>
      events.map(({ user_id }) => Number(user_id)).sort((x, y) => x - y);
    expect(users(seen('member_removed', 'presence-a'))).toEqual(upTo(20));
    expect(users(seen('member_removed', 'presence-both'))).toEqual(upTo(20).slice(1));
    expect(seen('channel_vacated', 'presence-a')).toHaveLength(1);
    expect(seen('channel_vacated', 'presence-both')).toEqual([]);
    await Promise.all(members.map((member) => member[Symbol.asyncDispose]()));
  }, 60_000);
});

test('a server that stops hands over at once, and what was not due is delivered by another', async () => {
  await using receiver = await startReceiver();
  const config = { adapter: 'redis', redis: redis.settings(), webhookTimes } as const;
  await using a = await startServer(app(receiver, { vacatedDelayMs: 3000 }), config);
  await using onA = await shouter(a, 'private-a');
  await receiver.events(1);
  await using b = await startServer(app(receiver, { vacatedDelayMs: 3000 }), config);
  await a.stop();
  expect(a.logged.some(({ msg }) => String(msg).includes('lost'))).toBe(false);
  expect(receiver.all().map(({ name }) => name)).not.toContain('channel_vacated');
  await receiver.until(() => receiver.all().some(({ name }) => name === 'channel_vacated'));
  expect(b.logged.some(({ msg }) => msg === 'this server delivers webhooks')).toBe(true);
  await onA.closed;
});

test('while Redis is away a server lets go of what it has in hand, and goes on when it is back', async () => {
  await using own = await startRedis();
  await using gate = await openGate(own);
  await using receiver = await startReceiver();
  const place = { ...own.settings(), port: gate.port };
  await using server = await startServer(app(receiver), { adapter: 'redis', redis: place, webhookTimes });
  await using ada = await shouter(server, 'private-a');
  await receiver.events(1);
  receiver.behave = answer(500);
  await shout(ada, 'private-a', 0, 10);
  await receiver.until(() => numbers(receiver, 'private-a').length === 10);
  await gate.close();
  await server.line(({ msg }) => msg === 'the webhook queue cannot be reached');
  receiver.behave = answer(200);
  const before = receiver.requests.length;
  await gate.open();
  await receiver.until((requests) => requests.length > before && numbers(receiver, 'private-a').length === 10);
  expect(numbers(receiver, 'private-a')).toEqual(upTo(10));
  expectOneIdEach(receiver);
});

test('two workers without Redis deliver once, whichever has the socket, also when one of them dies', async () => {
  await using receiver = await startReceiver();
  const webhooks = JSON.stringify([{ url: receiver.url, vacatedDelayMs: 200 }]);
  await using running = new Running(['--dev', '--workers', '2'], { FANFARE_APP_WEBHOOKS: webhooks });
  await running.up();
  const [one = 0, two = 0] = running.workerPids;
  const clients = await running.connectTo(one, two);
  for (const [n, client] of clients.entries()) await client.joined('presence-a', { user_id: String(n) });
  const words = () => distinct(receiver.all()).map(inWords).sort();
  await receiver.until(() => words().length >= 3);
  expect(words()).toEqual(['channel_occupied presence-a', 'member_added presence-a 0', 'member_added presence-a 1']);
  process.kill(one, 'SIGKILL');
  await receiver.until(() => words().includes('member_removed presence-a 0'));
  await clients[1]?.leave();
  await receiver.until(() => words().includes('channel_vacated presence-a'));
  await receiver.until(() => words().includes('member_removed presence-a 1'));
  expect(words()).toHaveLength(6);
  expect(receiver.requests.every(isOfOne)).toBe(true);
}, 60_000);

function isOfOne({ headers }: Received): boolean {
  return headers['x-pusher-key'] === 'app-key';
}
