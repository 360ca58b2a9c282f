// Four servers, 10,000 events through any of them: everybody gets each event of a channel once and in order, and the
// socket that an event names, on another server, does not.
import { expect, test } from 'vitest';
import { api } from '../support/api.ts';
import { type Client, connect } from '../support/client.ts';
import type { TestServer } from '../support/server.ts';
import { forEach, startNodes } from './support/nodes.ts';
import { Random } from './support/random.ts';

const CHANNELS = 20;
const EVENTS_PER_CHANNEL = 500;
const MOST_IN_BATCH = 10;

interface Room {
  readonly channel: string;
  readonly sender: Client;
  /** Not the sender's. */
  readonly through: readonly TestServer[];
  readonly listeners: readonly Client[];
}

async function open(nodes: readonly TestServer[], channel: string, random: Random): Promise<Room> {
  const home = random.of(nodes);
  const clients = await Promise.all([home, ...nodes].map((node) => connect(node)));
  for (const client of clients) await client.joined(channel);
  const [sender, ...listeners] = clients;
  if (sender === undefined) throw new Error('no sender');
  return { channel, sender, through: nodes.filter((node) => node !== home), listeners };
}

/** One after the other, alone or in batches, each through another server. */
async function publish({ channel, sender, through }: Room, random: Random): Promise<void> {
  for (let next = 0; next < EVENTS_PER_CHANNEL; ) {
    const most = random.below(4) === 0 ? MOST_IN_BATCH : 1;
    const count = Math.min(most, EVENTS_PER_CHANNEL - next);
    const events = Array.from({ length: count }, (_, index) => {
      return { name: 'e', channel, data: String(next + index), socket_id: sender.socketId };
    });
    const node = random.of(through);
    const [path, body] = count === 1 ? ['events', events[0]] : ['batch_events', { batch: events }];
    expect((await api(node, 'POST', `/apps/${node.app.id}/${path}`, { body })).status).toBe(200);
    next += count;
  }
}

async function upToFence(client: Client): Promise<string[]> {
  const seen: string[] = [];
  for (;;) {
    const { event, data } = await client.next();
    if (event === 'fence') return seen;
    // A slow machine takes longer than a socket may be silent.
    if (event !== 'pusher:ping') seen.push(`${event} ${data}`);
  }
}

test('each event reaches everyone but its sender, once, in the order of its channel', async () => {
  const random = new Random(4);
  await using cluster = await startNodes(4);
  const { nodes } = cluster;
  const names = Array.from({ length: CHANNELS }, (_, index) => `room-${index}`);
  const rooms = await Promise.all(names.map((channel) => open(nodes, channel, random)));
  await forEach(rooms, CHANNELS, (room) => publish(room, random));
  const all = Array.from({ length: EVENTS_PER_CHANNEL }, (_, number) => `e ${number}`);
  for (const { channel, sender, listeners } of rooms) {
    const node = random.of(nodes);
    const body = { name: 'fence', channel, data: '' };
    expect((await api(node, 'POST', `/apps/${node.app.id}/events`, { body })).status).toBe(200);
    for (const listener of listeners) expect(await upToFence(listener)).toEqual(all);
    expect(await upToFence(sender)).toEqual([]);
  }
  await Promise.all(rooms.flatMap(({ sender, listeners }) => [sender, ...listeners]).map((client) => client.leave()));
}, 60_000);
