// Enough of Pusher's protocol for the benchmark's load, made with ws and node:http, that goes wrong as it is told.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Server } from '../bench/target.ts';
import { usageOf } from '../bench/usage.ts';

/** How a server goes wrong; nothing: it does not. */
export interface Faults {
  /** How often a socket, counted from 0, gets an event, counted from 0. */
  readonly copies?: (which: { readonly socket: number; readonly event: number }) => number;
  readonly alter?: (data: string) => string;
  /** Of triggers. 0: the connection is closed instead. */
  readonly status?: number;
  /** When a socket has subscribed: 1 closes it in order, 2 in disorder. */
  readonly close?: 1 | 2;
  /** '': no WebSockets at all. */
  readonly greeting?: string;
  readonly reply?: string;
  /** Pings of both kinds before each subscription's reply. */
  readonly asks?: boolean;
  readonly closes?: boolean;
}

export interface Faulty extends Server {
  readonly sockets: WebSocketServer;
  readonly pongs: { ws: number; pusher: number };
}

const GREETING = '{"event":"pusher:connection_established","data":"{\\"socket_id\\":\\"1.1\\"}"}';
const REPLY = '{"event":"pusher_internal:subscription_succeeded","channel":"bench-000000","data":"{}"}';

/** Enough of Pusher's protocol for the load, made with ws and node:http. */
export async function startFaulty(faults: Faults = {}): Promise<Faulty> {
  const { copies = () => 1, alter = (data: string) => data, status = 200, greeting = GREETING } = faults;
  const all: WebSocket[] = [];
  const pongs = { ws: 0, pusher: 0 };
  let events = 0;
  const http = createServer((request, response) => {
    if (status === 0) {
      request.socket.destroy();
      return;
    }
    let body = '';
    request.setEncoding('utf8').on('data', (text) => {
      body += text;
    });
    request.on('end', () => {
      const { name, data, channels } = JSON.parse(body) as { name: string; data: string; channels: [string] };
      const frame = JSON.stringify({ event: name, channel: channels[0], data: alter(data) });
      for (const [socket, to] of all.entries()) {
        for (let left = copies({ socket, event: events }); left > 0; left--) to.send(frame);
      }
      events++;
      response.writeHead(status, faults.closes ? { connection: 'close' } : {}).end('{}');
    });
  });
  const sockets = new WebSocketServer({ noServer: true });
  http.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {});
    if (greeting === '') socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    else sockets.handleUpgrade(request, socket, head, (webSocket) => sockets.emit('connection', webSocket));
  });
  sockets.on('connection', (socket) => {
    all.push(socket);
    socket.send(greeting);
    socket.on('pong', () => pongs.ws++);
    socket.on('message', (bytes) => {
      const text = String(bytes);
      if (text.includes('"pusher:pong"')) pongs.pusher++;
      if (!text.includes('"pusher:subscribe"')) return;
      if (faults.asks) {
        socket.ping('are you there');
        socket.send('{"event":"pusher:ping","data":{}}');
      }
      socket.send(faults.reply ?? REPLY);
      if (faults.close === 1) socket.close(4100, 'enough');
      if (faults.close === 2) socket.terminate();
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    host: '127.0.0.1',
    port: (http.address() as AddressInfo).port,
    app: { id: 'a', key: 'k', secret: 's' },
    sockets,
    pongs,
    usage: () => usageOf([process.pid]),
    [Symbol.asyncDispose]: async () => {
      for (const socket of all) socket.terminate();
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
}
