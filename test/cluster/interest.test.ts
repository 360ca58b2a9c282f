// Ten servers, 1,000 channels of ten sockets: a server is sent what its own sockets listen to, and nothing else.
import { Redis } from 'ioredis';
import { afterEach, expect, test, vi } from 'vitest';
import { admin } from '../adapters/support/redis-node.ts';
import { api } from '../support/api.ts';
import { type Client, connect } from '../support/client.ts';
import { forEach, startNodes } from './support/nodes.ts';
import { Random } from './support/random.ts';

const NODES = 10;
const SOCKETS_PER_NODE = 50;
const CHANNELS = 1000;
const SOCKETS_PER_CHANNEL = 10;
const EVENTS = 3000;
/** Channels in one request. */
const AT_ONCE = 100;
/** What ioredis emits for a message, however it was subscribed to. */
const MESSAGES = new Set<string | symbol>(['messageBuffer', 'pmessageBuffer', 'smessageBuffer']);

afterEach(() => void vi.restoreAllMocks());

/** Counts what each server's connection is handed by Redis, by the number of the server that was being made. */
function countMessages(): { received: number[]; making: (number: number) => void } {
  const received = new Array<number>(NODES).fill(0);
  const owners = new WeakMap<Redis, number>();
  let current = 0;
  const original = Redis.prototype.emit;
  vi.spyOn(Redis.prototype, 'emit').mockImplementation(function (this: Redis, event, ...args) {
    const owner = owners.get(this) ?? current;
    owners.set(this, owner);
    if (MESSAGES.has(event)) received[owner] = (received[owner] ?? 0) + 1;
    return original.call(this, event, ...args);
  });
  return {
    received,
    making: (number) => {
      current = number;
    },
  };
}

test('each of ten servers receives little more than the messages its own sockets listen to', async () => {
  const random = new Random(10);
  const { received, making } = countMessages();
  await using cluster = await startNodes(NODES, {}, making);
  const { nodes, redis, prefix } = cluster;
  const sockets: Client[][] = [];
  for (const node of nodes) {
    sockets.push(await Promise.all(Array.from({ length: SOCKETS_PER_NODE }, () => connect(node))));
  }

  // Of each channel, the servers whose sockets listen: one to three of the ten.
  const homes: number[][] = [];
  const perSocket = new Map<Client, string[]>(sockets.flat().map((socket) => [socket, []]));
  for (let number = 0; number < CHANNELS; number += 1) {
    const home = random.shuffled([...nodes.keys()]).slice(0, 1 + random.below(3));
    homes.push(home);
    for (let index = 0; index < SOCKETS_PER_CHANNEL; index += 1) {
      const socket = sockets[home[index % home.length] ?? 0]?.[(number + index * 7) % SOCKETS_PER_NODE];
      if (socket !== undefined) perSocket.get(socket)?.push(`room-${number}`);
    }
  }
  await forEach([...perSocket], NODES * SOCKETS_PER_NODE, async ([socket, channels]) => {
    for (const channel of channels) await socket.joined(channel);
  });

  const wanted = new Array<number>(NODES).fill(0);
  const publish = async (event: string, numbers: readonly number[]) => {
    const node = random.of(nodes);
    const body = { name: event, channels: numbers.map((number) => `room-${number}`), data: '' };
    expect((await api(node, 'POST', `/apps/${node.app.id}/events`, { body })).status).toBe(200);
    for (const number of numbers) for (const home of homes[number] ?? []) wanted[home] = (wanted[home] ?? 0) + 1;
  };
  const everyChannel = [...homes.keys()];
  const events = Array.from({ length: EVENTS / AT_ONCE }, () => random.shuffled(everyChannel).slice(0, AT_ONCE));
  await forEach(events, 4, (numbers) => publish('event', numbers));
  for (let from = 0; from < CHANNELS; from += AT_ONCE) {
    await publish('fence', everyChannel.slice(from, from + AT_ONCE));
  }
  for (const [socket, channels] of perSocket) for (const _ of channels) await socket.nextOf('fence');

  for (const [number, count] of received.entries()) {
    expect(count).toBeGreaterThanOrEqual(wanted[number] ?? 0);
    expect(count / (wanted[number] ?? 0)).toBeLessThanOrEqual(1.2);
  }
  using connection = admin(redis);
  const listenedTo = async () => ((await connection.pubsub('CHANNELS', `${prefix}*`)) as string[]).length;
  expect(await listenedTo()).toBe(CHANNELS);
  await Promise.all(sockets.flat().map((socket) => socket.leave()));
  await vi.waitUntil(async () => (await listenedTo()) === 0, { timeout: 10_000, interval: 100 });
}, 60_000);
