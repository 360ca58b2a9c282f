// A peer that does not read: it is sent away once too much waits for it, and everybody else gets every frame.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { api, trigger } from '../support/api.ts';
import { connect } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { clientFrame, opcodes, openRaw } from './support/raw-socket.ts';
import { failOnUnhandled } from './support/unhandled.ts';

failOnUnhandled();

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** In buffers that somebody still refers to. */
function bytesHeld(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

const SUBSCRIBE = clientFrame('{"event":"pusher:subscribe","data":{"channel":"fan"}}');

async function slowReaders(server: TestServer): Promise<number> {
  const { json } = await api(server, 'GET', '/stats');
  return (
    (json as { apps: Record<string, { messages: { slowReaders: number } }> }).apps['app-id']?.messages.slowReaders ?? -1
  );
}

test('is closed with 4100 while others get every frame, and is counted nowhere any more', async () => {
  await using server = await startServer({ limits: { payloadBytes: 1_000_000 } }, { maxUnsentBytes: 65_536 });
  await using raw = await openRaw(server);
  raw.write(SUBSCRIBE);
  await raw.nextEvent();
  await using one = await connect(server);
  await using two = await connect(server);
  for (const client of [one, two]) await client.joined('fan');
  raw.socket.pause();

  // The kernel's buffers take some megabytes before anything waits in this process.
  const data = 'x'.repeat(500_000);
  let sent = 0;
  while ((await slowReaders(server)) === 0) {
    expect(sent).toBeLessThan(100);
    await trigger(server, { name: String(sent), channel: 'fan', data });
    for (const client of [one, two]) {
      const { event, data: received } = await client.next();
      expect([event, received === data]).toEqual([String(sent), true]);
    }
    sent += 1;
  }
  expect(await slowReaders(server)).toBe(1);
  await server.line(
    ({ msg, socketId, code }) => msg === 'connection ended' && socketId === raw.socketId && code === 4100,
  );
  await trigger(server, { name: 'after', channel: 'fan', data: 'x' });
  for (const client of [one, two]) expect(await client.next()).toMatchObject({ event: 'after' });

  // What it was sent before arrives whole when it reads after all, then why it was closed; nothing that came after.
  raw.socket.resume();
  for (let number = 0; ; number += 1) {
    const { opcode, payload } = await raw.next();
    if (opcode === opcodes.close) {
      expect([payload.readUInt16BE(0), payload.subarray(2).toString()]).toEqual([4100, 'Connection reads too slowly']);
      break;
    }
    expect(JSON.parse(payload.toString()).event).toBe(String(number));
  }
  raw.socket.end();
  await raw.closed;
  await server.line(({ msg, socketId }) => msg === 'connection closed' && socketId === raw.socketId);
  expect((await api(server, 'GET', '/apps/app-id/connections')).text).toBe('{"connections":2}');
  expect(server.logged.filter(({ level }) => Number(level) >= 40)).toEqual([]);
}, 40_000);

test('holds no more of the process than the limit: what waits for many is one copy, and is let go', async () => {
  const sockets = 30;
  await using server = await startServer({ limits: { payloadBytes: 1_000_000 } }, { maxUnsentBytes: 65_536 });
  const raws = await Promise.all(Array.from({ length: sockets }, () => openRaw(server)));
  for (const raw of raws) {
    raw.write(SUBSCRIBE);
    await raw.nextEvent();
    raw.socket.pause();
  }
  const before = bytesHeld();
  const data = 'x'.repeat(1_000_000);
  let sent = 0;
  while ((await slowReaders(server)) < sockets) {
    expect(sent).toBeLessThan(100);
    await trigger(server, { name: 'e', channel: 'fan', data });
    // One frame a socket may wait; were it a copy each, or all that was sent, this would be 30 MB or more.
    expect(bytesHeld() - before).toBeLessThan(20_000_000);
    sent += 1;
  }
  for (const raw of raws) await raw[Symbol.asyncDispose]();
  for (const { socketId } of raws)
    await server.line((line) => line.msg === 'connection closed' && line.socketId === socketId);
  expect((await api(server, 'GET', '/apps/app-id/channels')).text).toBe('{"channels":{}}');
}, 40_000);

test('is dropped when it does not read the close frame either, at the cost of one error for all that waits', async () => {
  const streams: Socket[] = [];
  const onStream = (message: unknown) => streams.push((message as { socket: Socket }).socket);
  subscribe('net.server.socket', onStream);
  await using server = await startServer({ limits: { payloadBytes: 1_000_000 } }, { maxUnsentBytes: 65_536 });
  await using raw = await openRaw(server);
  const stream = streams.find(({ remotePort }) => remotePort === raw.socket.localPort);
  unsubscribe('net.server.socket', onStream);
  if (stream === undefined) throw new Error('the connection was not seen');
  const closed = new Promise((resolve) => stream.once('close', resolve));
  raw.write(SUBSCRIBE);
  await raw.nextEvent();
  raw.socket.pause();
  const data = 'x'.repeat(500_000);
  while ((await slowReaders(server)) === 0) await trigger(server, { name: 'e', channel: 'fan', data });
  expect(stream.writableLength).toBeGreaterThan(0);
  await closed;
  expect(stream.errored).toMatchObject({ message: 'the peer did not read in time' });
}, 40_000);

test('loses none of the messages of a peer that sends more at once than the mailbox holds', async () => {
  await using server = await startServer();
  await using raw = await openRaw(server);
  const count = 3000;
  const subscribe = (n: number) => clientFrame(`{"event":"pusher:subscribe","data":{"channel":"flood-${n}"}}`);
  raw.write(Buffer.concat(Array.from({ length: count }, (_, n) => subscribe(n))));
  for (let n = 0; n < count; n += 1) expect(await raw.nextEvent()).toMatchObject({ channel: `flood-${n}` });
});
