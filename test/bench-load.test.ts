// The load of the benchmark against servers that do right and wrong: what is lost, doubled, altered or refused is noticed.
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { PAYLOAD_BYTES } from './bench/event.ts';
import { fanOut } from './bench/fan-out.ts';
import { clientFrame, opcodes } from './bench/frames.ts';
import { type Owner, Receiver } from './bench/receiver.ts';
import type { Server } from './bench/target.ts';
import { type Faults, startFaulty } from './support/faulty-server.ts';

describe('a server that does wrong', () => {
  const load = (server: Server) => fanOut({ secs: 0.02, servers: [server], sockets: 10, channels: 1, inFlight: 2 });

  it.each<[string, Faults, RegExp]>([
    ['loses a frame', { copies: ({ socket }) => (socket === 7 ? 0 : 1) }, /socket 7 heard 0 events of \d+/],
    ['sends one twice', { copies: ({ socket, event }) => (socket === 3 && event === 0 ? 2 : 1) }, /socket \d+ heard/],
    ['sends another one', { alter: (data) => data.replace(/@\d{10}/, '@0000000077') }, /other events than those/],
    ['sends other data', { alter: () => 'x'.repeat(PAYLOAD_BYTES) }, /an event arrived without what was sent in it/],
    ['refuses', { status: 429 }, /a request was answered with 429/],
    ['does not answer', { status: 0 }, /a request was not answered: /],
    ['closes a socket', { close: 1 }, /socket \d+: the server closed it: 4100 enough/],
    ['drops a socket', { close: 2 }, /socket \d+: (the server closed the connection|.*ECONNRESET)/],
    ['greets with an error', { greeting: '{"event":"pusher:error","data":{"code":4001}}' }, /socket 0: .*4001/],
    ['refuses a subscribe', { reply: '{"event":"pusher:subscription_error","data":"{}"}' }, /subscription_error/],
    ['is no WebSocket server', { greeting: '' }, /socket 0: the upgrade was refused: HTTP\/1\.1 400/],
  ])('is noticed when it %s', async (_, faults, reason) => {
    await using server = await startFaulty(faults);
    await expect(load(server)).rejects.toThrow(reason);
  });

  it('is none when it asks for signs of life, or takes one request a connection', async () => {
    await using server = await startFaulty({ asks: true, closes: true });
    const { deliveries, latency } = await load(server);
    expect(deliveries).toBeGreaterThan(0);
    expect(latency.p99Ms).toBeGreaterThan(0);
    expect(server.pongs.ws).toBeGreaterThanOrEqual(10);
    expect(server.pongs.pusher).toBeGreaterThanOrEqual(10);
  });
});

describe('a socket of the load', () => {
  it.each([0, 125, 126, 65_535, 65_536])('sends frames of %d bytes that a server reads', async (length) => {
    await using server = await startFaulty();
    const payload = 'é'.repeat(length / 2) + 'x'.repeat(length % 2);
    const [socket] = await Promise.all([once(server.sockets, 'connection'), connectOne(server, payload)]);
    const [text] = (await once(socket[0] as WebSocket, 'message')) as [Buffer];
    expect(text.toString()).toBe(payload);
  });
});

/** Resolves when it has been greeted, and has sent the text. */
async function connectOne(server: Server, text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const owner: Owner = {
      established: (receiver) => {
        receiver.write(clientFrame(opcodes.text, text));
        resolve();
      },
      text: () => {},
      lost: (_, why) => reject(new Error(why)),
    };
    new Receiver(0, server, server.app.key, owner);
  });
}
