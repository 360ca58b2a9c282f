// What stands before Node's HTTP server: the same answers as behind it, and connections that are handed over, half-closed,
// idle or cut in the middle.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Front } from '../../src/http/front.ts';
import { type ApiRequest, signed } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openHttp } from './support/raw-http.ts';

const post = (url: string, body: string | Buffer, ...headers: string[]) => {
  const lines = [`POST ${url} HTTP/1.1`, 'Host: x', `Content-Length: ${Buffer.byteLength(body)}`, ...headers, '', ''];
  return Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), Buffer.from(body)]);
};

/** Repeated headers are not plain: Node and Fastify answer. */
const BEHIND = ['X-Way: a', 'X-Way: b'];

async function answerOf(server: TestServer, request: Buffer) {
  await using http = await openHttp(server);
  await http.write(request);
  const { status, headers, text } = await http.next();
  const { date, ...rest } = headers;
  return { status, headers: rest, hasDate: date !== undefined, text };
}

interface Case extends ApiRequest {
  readonly path?: string;
  readonly more?: readonly string[];
}

const event = { name: 'e', channel: 'c', data: 'd' };
const cases: Record<string, Case> = {
  'an event': { body: event },
  'an event with counts': { body: { ...event, info: 'subscription_count' } },
  'a batch': { path: '/apps/app-id/batch_events', body: { batch: [event, event] } },
  'a batch with counts': {
    path: '/apps/app-id/batch_events',
    body: { batch: [{ ...event, info: 'subscription_count' }] },
  },
  'a path with the prefix': { path: '/ws/apps/app-id/events', body: event },
  'an Idempotency-Key': { body: event, more: ['Idempotency-Key: k'] },
  'an Idempotency-Key that is none': { body: event, more: ['Idempotency-Key: \xe4'] },
  'a wrong signature': { body: event, secret: 'wrong' },
  'a wrong body_md5': { body: event, query: { body_md5: '0' } },
  'no auth_key': { body: event, query: { auth_key: '' } },
  'an app id that is too long': { path: `/apps/${'a'.repeat(5000)}/events`, body: event },
  'an unknown app': { path: '/apps/nope/events', body: event },
  'no JSON': { body: '{' },
  'no body': { body: '' },
  'bytes that are not UTF-8': { body: Buffer.from('{"name":"\xe4"}', 'latin1') },
  'a missing parameter': { body: { name: 'e' } },
  'a channel that is none': { body: { ...event, channel: 'ä' } },
  'too much data': { body: { ...event, data: 'x'.repeat(20_000) } },
};

describe('a publish before Node’s HTTP server', () => {
  it.each(Object.entries(cases))('is answered as one behind it: %s', async (_, { path, more = [], ...request }) => {
    await using server = await startServer({ limits: { batchEvents: 2, payloadBytes: 1000 } }, { path: '/ws' });
    const { body: asked } = request;
    const body = typeof asked === 'string' || Buffer.isBuffer(asked) ? asked : JSON.stringify(asked);
    const url = signed('POST', path ?? '/apps/app-id/events', body, request);
    const key = (number: number) => more.map((header) => header.replace(': k', `: k${number}`));
    const before = await answerOf(server, post(url, body, ...key(1)));
    expect(before).toEqual(await answerOf(server, post(url, body, ...key(2), ...BEHIND)));
    expect(before.hasDate).toBe(true);
  });

  it('with a body over the limit is refused, and its connection stays, as all of it was read', async () => {
    await using server = await startServer({ limits: { batchEvents: 1, payloadBytes: 1000 } });
    await using http = await openHttp(server);
    const body = 'x'.repeat(40_000);
    await http.write(post(signed('POST', '/apps/app-id/events', body), body));
    const text = 'Payload too large: the request body has 40000 bytes, the limit is 38768 bytes.';
    expect(await http.next()).toMatchObject({ status: 413, text, headers: { connection: 'keep-alive' } });
  });

  it('with an Idempotency-Key is replayed on either way', async () => {
    await using server = await startServer();
    const body = JSON.stringify(event);
    const url = signed('POST', '/apps/app-id/events', body);
    const first = await answerOf(server, post(url, body, 'Idempotency-Key: k'));
    const second = await answerOf(server, post(url, body, 'Idempotency-Key: k', ...BEHIND));
    const third = await answerOf(server, post(url, body, 'Idempotency-Key: k'));
    expect(first.headers).not.toHaveProperty('idempotency-replayed');
    expect(second.headers).toMatchObject({ 'idempotency-replayed': 'true' });
    expect(third).toEqual(second);
  });
});

/** A front whose publishes are answered when the test says so, before a Node server that answers "node". */
class Rig implements AsyncDisposable {
  readonly #node: Server;
  readonly #front: Front;
  readonly #clients: Socket[] = [];
  /** One for each publish: answers it. */
  readonly asked: ((answer: string) => void)[] = [];
  closing = false;

  private constructor(idleMs: number) {
    this.#node = createServer((_request, response) => response.end('node'));
    const rig = this;
    const publisher = {
      get closing() {
        return rig.closing;
      },
      answer: ({ method }: { method: string }) =>
        method === 'POST' ? new Promise<string>((resolve) => this.asked.push(resolve)) : undefined,
    };
    this.#front = new Front(this.#node, publisher, idleMs);
  }

  static async start(idleMs = 60_000): Promise<Rig> {
    const rig = new Rig(idleMs);
    rig.#node.listen(0, '127.0.0.1');
    await once(rig.#node, 'listening');
    return rig;
  }

  /** @returns both ends of a connection */
  async connect(): Promise<[client: Socket, served: Socket]> {
    const client = connect({
      port: (this.#node.address() as AddressInfo).port,
      host: '127.0.0.1',
      allowHalfOpen: true,
    });
    client.setEncoding('latin1').on('error', () => {});
    this.#clients.push(client);
    const [[served]] = await Promise.all([once(this.#node, 'connection'), once(client, 'connect')]);
    return [client, served as Socket];
  }

  close(): void {
    this.#front.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.destroy();
    this.#front.close();
    this.#front.destroy();
    this.#node.closeAllConnections();
    this.#node.close();
    await once(this.#node, 'close');
  }
}

const request = post('/', '');

describe('a connection before Node’s HTTP server', () => {
  it('is answered as long as it publishes, one after the other', async () => {
    await using rig = await Rig.start();
    const [client, served] = await rig.connect();
    for (const text of ['one', 'two']) {
      client.write(request);
      await once(served, 'data');
      rig.asked.pop()?.(text);
      expect(await once(client, 'data')).toEqual([text]);
    }
  });

  it('is handed over with what is not plain', async () => {
    await using rig = await Rig.start();
    const [client] = await rig.connect();
    client.write('GET / HT');
    client.write('TP/1.1\r\nHost: x\r\n\r\n');
    expect(String(await once(client, 'data'))).toMatch(/^HTTP\/1.1 200 OK[\s\S]*node$/);
  });

  it('is handed over, after its answer, with what came too early', async () => {
    await using rig = await Rig.start();
    const [client, served] = await rig.connect();
    client.write(request);
    await once(served, 'data');
    client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(served, 'pause');
    rig.asked.pop()?.('first ');
    let received = '';
    while (!received.endsWith('node')) received += (await once(client, 'data'))[0];
    expect(received).toMatch(/^first HTTP\/1.1 200 OK/);
  });

  it('that ends its half is answered first', async () => {
    await using rig = await Rig.start();
    const [client, served] = await rig.connect();
    client.end(request);
    await once(served, 'end');
    rig.asked.pop()?.('answer');
    expect(await once(client, 'data')).toEqual(['answer']);
    await once(client, 'end');
  });

  it('that ends its half without a request is ended', async () => {
    await using rig = await Rig.start();
    const [client] = await rig.connect();
    client.resume().end();
    await once(client, 'end');
  });

  it('that is cut in the middle takes nothing with it', async () => {
    await using rig = await Rig.start();
    const [client, served] = await rig.connect();
    client.write(request);
    await once(served, 'data');
    client.resetAndDestroy();
    // Not `once` of events: it takes the reset for its own failure.
    await new Promise((resolve) => served.on('close', resolve));
    rig.asked.pop()?.('for nobody');
    const [other, otherServed] = await rig.connect();
    other.write(request);
    await once(otherServed, 'data');
    rig.asked.pop()?.('well');
    expect(await once(other, 'data')).toEqual(['well']);
  });

  it('that does not read its answers is not read', async () => {
    await using rig = await Rig.start();
    const [client, served] = await rig.connect();
    client.pause().write(request);
    await once(served, 'data');
    rig.asked.pop()?.('x'.repeat(16_000_000));
    await once(served, 'pause');
    const resumed = once(served, 'resume');
    client.resume();
    await resumed;
  });

  it('that is silent is closed, unless it waits for an answer', async () => {
    await using rig = await Rig.start(20);
    const [waiting, served] = await rig.connect();
    waiting.write(request);
    await once(served, 'data');
    const [client] = await rig.connect();
    client.resume();
    await once(client, 'end');
    rig.asked.pop()?.('answer');
    expect(await once(waiting, 'data')).toEqual(['answer']);
  });

  it('ends with the server: at once, or with its answer', async () => {
    await using rig = await Rig.start();
    const [busy, served] = await rig.connect();
    busy.write(request);
    await once(served, 'data');
    const [idle] = await rig.connect();
    idle.resume();
    rig.closing = true;
    rig.close();
    await once(idle, 'end');
    rig.asked.pop()?.('answer');
    expect(await once(busy, 'data')).toEqual(['answer']);
    await once(busy, 'end');
  });

  it('that is answered last is gone, also when the client stays, and nothing more is done for it', async () => {
    await using rig = await Rig.start();
    const [client, served] = await rig.connect();
    const closed = new Promise((resolve) => served.on('close', resolve));
    client.write(request);
    await once(served, 'data');
    client.write(request);
    await once(served, 'pause');
    rig.closing = true;
    rig.asked.pop()?.('answer');
    expect(await once(client, 'data')).toEqual(['answer']);
    await closed;
    expect(rig.asked).toHaveLength(0);
  });

  it('that ended its half behind another request is answered once, and gone', async () => {
    await using rig = await Rig.start();
    const [client, served] = await rig.connect();
    const closed = new Promise((resolve) => served.on('close', resolve));
    client.write(request);
    await once(served, 'data');
    client.end(request);
    await once(served, 'end');
    rig.asked.pop()?.('answer');
    expect(await once(client, 'data')).toEqual(['answer']);
    await closed;
  });
});
