// fanfare listen against the real server, and against one that behaves badly.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { UsageError } from '../../src/cli/command.ts';
import { eventLine } from '../../src/cli/event-line.ts';
import { listen } from '../../src/cli/listen.ts';
import { trigger } from '../../src/cli/trigger.ts';
import { Client } from '../support/client.ts';
import { startServer } from '../support/server.ts';
import { run } from './recording-edge.ts';

const established = JSON.stringify({
  event: 'pusher:connection_established',
  data: JSON.stringify({ socket_id: '1.2', activity_timeout: 30 }),
});

/** Gives each connection, in turn, to the next of `handlers`. */
async function fakeServer(...handlers: ((socket: WebSocket) => void)[]) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  server.on('connection', (socket) => handlers.shift()?.(socket));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, [Symbol.dispose]: () => void server.close() };
}

describe('fanfare listen', () => {
  it('prints the events of public, private and presence channels until there were --count', async () => {
    await using server = await startServer({ subscriptionCount: true });
    const args = ['a', 'private-b', 'presence-c', '--user-id', '7', '--user-info', '{"name":"Ann"}'];
    const listening = run(listen, [...args, '--url', server.url, '--count', '3']);
    await listening.line(/^# subscribed to presence-c$/);
    for (const channel of ['a', 'private-b', 'presence-c']) {
      expect(await run(trigger, [channel, 'e', '{"n":1}', '--url', server.url]).code).toBe(0);
    }
    expect(await listening.code).toBe(0);
    const events = listening.out.map((line) => line.replace(/^\d\d:\d\d:\d\d\.\d{3} {2}/, ''));
    expect(events.filter((line) => !line.includes('pusher_internal'))).toEqual([
      'a  e  {"n":1}',
      'private-b  e  {"n":1}',
      'presence-c  e  {"n":1}',
    ]);
    expect(events).toContain('a  pusher_internal:subscription_count  {"subscription_count":1}');
  });

  it('is a member of presence channels as told', async () => {
    await using server = await startServer();
    await using client = new Client(server);
    client.socketId = JSON.parse(String((await client.next()).data)).socket_id;
    await client.joined('presence-c', { user_id: '1' });
    const args = ['presence-c', '--user-id', '7', '--user-info', '{"name":"Ann"}', '--count', '1', '--url', server.url];
    const listening = run(listen, args);
    expect(JSON.parse(String((await client.nextOf('pusher_internal:member_added')).data))).toEqual({
      user_id: '7',
      user_info: { name: 'Ann' },
    });
    await run(trigger, ['presence-c', 'e', 'd', '--url', server.url]).code;
    expect(await listening.code).toBe(0);
  });

  it('ends with 1 when every channel is refused', async () => {
    await using server = await startServer();
    const { code, err } = run(listen, ['private-a', '--key', 'app-key', '--secret', 'no', '--url', server.url]);
    expect(await code).toBe(1);
    expect(err.slice(1)).toEqual([
      '# error 4009: Connection is unauthorized',
      '# private-a refused: The connection is unauthorized. (401)',
      'fanfare: no channel is left to listen to',
    ]);
  });

  it('ends with 1 at a code that must not be tried again', async () => {
    await using server = await startServer();
    const { code, err } = run(listen, ['a', '--key', 'nope', '--url', server.url]);
    expect(await code).toBe(1);
    expect(err).toEqual(['fanfare: the server closed the connection: 4001 Application does not exist']);
  });

  it('takes the error frame’s code from a server that only drops the connection', async () => {
    using server = await fakeServer((socket) => {
      socket.send('{"event":"pusher:error","data":"{\\"code\\":4001,\\"message\\":\\"Application does not exist\\"}"}');
      socket.terminate();
    });
    const { code, err } = run(listen, ['a', '--key', 'nope', '--url', server.url]);
    expect(await code).toBe(1);
    expect(err).toEqual(['fanfare: the server closed the connection: 4001 Application does not exist']);
  });

  it('comes back at once after 4200, a second later after 4100 and a lost connection, with a note', async () => {
    const closing = (end: (socket: WebSocket) => void) => (socket: WebSocket) => {
      socket.send(established);
      socket.once('message', () => end(socket));
    };
    using server = await fakeServer(
      closing((socket) => socket.close(4200, 'Later')),
      closing((socket) => socket.close(4100, 'Full')),
      closing((socket) => socket.terminate()),
      closing((socket) => socket.send('{"event":"e","channel":"a","data":{"n":1}}')),
    );
    const { code, out, err } = run(listen, ['a', '--count', '1', '--url', server.url]);
    expect(await code).toBe(0);
    expect(err.filter((line) => !line.includes('connected, socket id'))).toEqual([
      '# the server closed the connection: 4200 Later (trying again now)',
      '# the server closed the connection: 4100 Full (trying again in 1 s)',
      '# no connection (trying again in 1 s)',
    ]);
    expect(out[0]).toMatch(/ {2}a {2}e {2}\{"n":1\}$/);
  });

  it('answers pings', async () => {
    const answered = deferred<string>();
    using server = await fakeServer((socket) => {
      socket.send(established);
      socket.once('message', () => {
        socket.once('message', (data) => {
          answered.resolve(data.toString());
          socket.send('{"event":"e","channel":"a","data":"x"}');
        });
        socket.send('{"event":"pusher:ping","data":"{}"}');
      });
    });
    expect(await run(listen, ['a', '--count', '1', '--url', server.url]).code).toBe(0);
    expect(await answered.promise).toBe('{"event":"pusher:pong","data":{}}');
  });

  it('does not try a path again that is no WebSocket', async () => {
    const server = createServer((_, response) => response.writeHead(404).end());
    server.on('upgrade', (_, socket) => socket.end('HTTP/1.1 404 Not Found\r\n\r\n'));
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/zzz`;
    const { code, err } = run(listen, ['a', '--url', url]);
    expect(await code).toBe(1);
    expect(err).toEqual(['fanfare: the server answered 404 where it should open a WebSocket']);
    server.close();
  });

  it('keeps every event on one line that cannot talk to the terminal', () => {
    const at = new Date(2024, 0, 1, 2, 3, 4, 5);
    expect(eventLine(at, 'a', 'e', 'x\ny\u001b[2J\u007f\u009b')).toBe(
      '02:03:04.005  a  e  x\\ny\\u001b[2J\\u007f\\u009b',
    );
  });

  it.each([
    [[], 'which CHANNEL?'],
    [['presence-a'], 'presence-a needs --user-id: whoever listens to a presence channel is a member of it'],
    [['a', '--count', '0'], '--count must be 1 or more, got "0"'],
    [['a', '--user-info', '{}'], '--user-info needs --user-id'],
    [['a', '--user-id', '1', '--user-info', 'Ann'], '--user-info must be JSON, got "Ann"'],
    [['private-a', '--key', 'k'], 'which app? Give --secret, or set PUSHER_APP_SECRET (--env-file reads a .env)'],
  ])('refuses %j', async (args, message) => {
    await expect(run(listen, args).code).rejects.toThrow(new UsageError(message));
  });
});

function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}
