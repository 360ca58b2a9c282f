// The load of the benchmark against servers that do right and wrong: what is lost, doubled, altered or refused is noticed.
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { trigger } from './bench/api-request.ts';
import { PAYLOAD_BYTES } from './bench/event.ts';
import { fanOut } from './bench/fan-out.ts';
import { clientFrame, opcodes } from './bench/frames.ts';
import { Load } from './bench/load.ts';
import { type Owner, Receiver } from './bench/receiver.ts';
import { Sleepers } from './bench/sleepers.ts';
import { slowReadersClosed } from './bench/stats.ts';
import { Storm } from './bench/storm.ts';
import type { Server } from './bench/target.ts';
import { until } from './bench/until.ts';
import { type Faults, startFaulty } from './support/faulty-server.ts';
import { credentials, startServer } from './support/server.ts';

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

describe('sockets that stop reading', () => {
  const LIMIT_MS = 10_000;

  it('end when the server has closed or dropped them, and know whether they were told why', async () => {
    await using server = await startFaulty();
    using sleepers = new Sleepers(server, 1);
    await sleepers.open(2);
    sleepers.sleep();
    const [one, other] = [...server.sockets.clients];
    one?.close(4100, 'too slow');
    other?.terminate();
    sleepers.wake(2);
    await sleepers.until(
      () => sleepers.ended === 2,
      LIMIT_MS,
      () => `${sleepers.ended} ended`,
    );
    expect(sleepers.told).toBe(1);
  });

  it('are in trouble when they are closed for something else', async () => {
    await using server = await startFaulty();
    using sleepers = new Sleepers(server, 1);
    await sleepers.open(1);
    sleepers.sleep();
    for (const socket of server.sockets.clients) socket.close(4200, 'go away');
    sleepers.wake(1);
    const ended = sleepers.until(
      () => sleepers.ended === 1,
      LIMIT_MS,
      () => 'it goes on',
    );
    await expect(ended).rejects.toThrow('the server closed it: 4200 go away');
  });

  it.each<1 | 2>([1, 2])('are in trouble when they are closed before that (%d)', async (close) => {
    await using server = await startFaulty({ close });
    using sleepers = new Sleepers(server, 1);
    const never = sleepers.open(1).then(() =>
      sleepers.until(
        () => false,
        LIMIT_MS,
        () => 'it goes on',
      ),
    );
    await expect(never).rejects.toThrow(/socket 0: (the server closed|.*ECONNRESET)/);
  });
});

describe('a storm of reconnects', () => {
  it('is as many sockets a second as it should be, each of which subscribes', async () => {
    await using server = await startFaulty();
    let subscribed = 0;
    server.sockets.on('connection', (socket) => socket.once('message', () => subscribed++));
    using storm = new Storm(server, 1000);
    storm.start();
    await until(
      () => storm.done >= 20,
      10_000,
      () => `${storm.done} came`,
    );
    await storm.stop();
    expect(subscribed).toBe(storm.done);
  });

  it('fails when a socket is refused', async () => {
    await using server = await startFaulty({ greeting: '' });
    using storm = new Storm(server, 1000);
    storm.start();
    await expect(storm.stop()).rejects.toThrow('the upgrade was refused');
  });
});

describe('a load that is limited', () => {
  it('goes on when it is refused, and counts it', async () => {
    await using server = await startServer({ limits: { eventsPerSecond: 1 } });
    const address = asTarget(server.port);
    using load = new Load(address, 2, (number, dueUs) => trigger(address, [0], number, dueUs), true);
    load.start();
    await until(
      () => load.refused >= 5 && load.done >= 1,
      10_000,
      () => `${load.refused} refused`,
    );
    await load.stop();
  });
});

describe('the statistics of a server', () => {
  it('say how many slow readers it closed, to who knows the secret', async () => {
    await using server = await startServer();
    expect(await slowReadersClosed(asTarget(server.port))).toBe(0);
    const stranger = { ...asTarget(server.port), app: { ...credentials, secret: 'wrong' } };
    await expect(slowReadersClosed(stranger)).rejects.toThrow('GET /stats was answered with 401');
  });
});

function asTarget(port: number): Server {
  return { host: '127.0.0.1', port, app: credentials, usage: () => undefined, [Symbol.asyncDispose]: async () => {} };
}

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
