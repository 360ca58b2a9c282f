// Bodies as they come over the wire: in pieces, of every size, of every type, and half of them.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { api, signed } from '../support/api.ts';
import { connect } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectJson, expectRefusal } from './support/answers.ts';
import { exchange, head, openHttp } from './support/raw-http.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const EVENTS = '/apps/app-id/events';
const bodyOf = (data: string, channel = 'a') => JSON.stringify({ name: 'e', channel, data });
/** Lets the server read what was written before the next piece is. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** As one chunk of a chunked body; '' ends it. */
const chunk = (bytes: string | Buffer) =>
  Buffer.concat([
    Buffer.from(`${Buffer.byteLength(bytes).toString(16)}\r\n`),
    Buffer.from(bytes as string),
    Buffer.from('\r\n'),
  ]);

describe('in pieces', () => {
  test('reads a request that arrives byte by byte', async () => {
    await using client = await connect(server);
    await client.joined('bytes');
    const body = Buffer.from(bodyOf('in ütf-8 €🎉', 'bytes'));
    const target = signed('POST', EVENTS, body);
    await using http = await openHttp(server);
    const request = Buffer.concat([Buffer.from(head('POST', target, { 'content-length': body.length })), body]);
    for (const byte of request) {
      await http.write(Buffer.of(byte));
      await turn();
    }
    expect(await http.next()).toMatchObject({ status: 200, text: '{}' });
    expect(await client.next()).toMatchObject({ data: 'in ütf-8 €🎉' });
  });

  test('REC auth §4.3: verifies a chunked body over the bytes of all chunks', async () => {
    await using client = await connect(server);
    await client.joined('chunks');
    const body = Buffer.from(bodyOf('chünked', 'chunks'));
    await using http = await openHttp(server);
    await http.write(head('POST', signed('POST', EVENTS, body), { 'transfer-encoding': 'chunked' }));
    for (const byte of body) await http.write(chunk(Buffer.of(byte)));
    await http.write(chunk(''));
    expect(await http.next()).toMatchObject({ status: 200, text: '{}' });
    expect(await client.next()).toMatchObject({ data: 'chünked' });
  });

  test('answers a sender that waits for 100 Continue', async () => {
    const body = bodyOf('x');
    await using http = await openHttp(server);
    await http.write(
      head('POST', signed('POST', EVENTS, body), { 'content-length': body.length, expect: '100-continue' }),
    );
    expect((await http.next()).status).toBe(100);
    await http.write(body);
    expect(await http.next()).toMatchObject({ status: 200, text: '{}' });
  });

  test('answers many requests of one connection, pipelined, in order', async () => {
    await using client = await connect(server);
    await client.joined('pipelined');
    await using http = await openHttp(server);
    const requests = Array.from({ length: 20 }, (_, number) => {
      const body = bodyOf(String(number), 'pipelined');
      if (number % 5 === 4) return head('GET', '/nothing');
      return head('POST', signed('POST', EVENTS, body), { 'content-length': body.length }) + body;
    });
    await http.write(requests.join(''));
    for (const number of requests.keys()) {
      expect((await http.next()).status).toBe(number % 5 === 4 ? 404 : 200);
      if (number % 5 !== 4) expect(await client.next()).toMatchObject({ data: String(number) });
    }
  });

  test('REC http-api §1: keeps the connection alive, after refusals too', async () => {
    await using http = await openHttp(server);
    for (const [method, target, body, status] of [
      ['GET', '/up', '', 200],
      ['POST', EVENTS, '{}', 401],
      ['POST', '/nothing', bodyOf('x'), 404],
      ['POST', '/apps/none/events', bodyOf('x'), 404],
      ['POST', '/up', bodyOf('x'), 405],
      ['POST', signed('POST', EVENTS, '{'), '{', 400],
      ['GET', signed('GET', '/apps/app-id/channels', ''), 'a body that nobody asked for', 200],
      ['POST', signed('POST', EVENTS, bodyOf('x')), bodyOf('x'), 200],
    ] as const) {
      await http.write(head(method, target, { 'content-length': body.length }) + body);
      const answer = await http.next();
      expect([target, answer.status, answer.headers.connection]).toEqual([target, status, 'keep-alive']);
    }
  });
});

test.each([
  undefined,
  '',
  'none',
  ';',
  'application/json',
  'application/json; charset=utf-8',
  'application/json; charset=latin1',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'text/plain',
  '*/*',
  'application/json, application/json',
  '__proto__',
])('REC http-api §1: takes JSON whatever the content type says: %j', async (type) => {
  await using client = await connect(server);
  await client.joined('types');
  const body = bodyOf('ü', 'types');
  const headers = type === undefined ? {} : { 'content-type': type };
  expect(await exchange(server, 'POST', signed('POST', EVENTS, body), { body, headers })).toMatchObject({
    status: 200,
    text: '{}',
  });
  expect(await client.next()).toMatchObject({ data: 'ü' });
});

describe('of every size', () => {
  const payloadBytes = 2_000_000;
  const bodyLimit = payloadBytes * 6 + 32_768;

  test('is delivered whole, or refused with the limit and the actual size; never a 500', {
    timeout: 60_000,
  }, async () => {
    await using large = await startServer({ limits: { payloadBytes, batchEvents: 1 } }, { maxUnsentBytes: 8_000_000 });
    await using client = await connect(large);
    await client.joined('a');
    const overhead = Buffer.byteLength(bodyOf(''));
    const sizes = fc.oneof(
      fc.integer({ min: 0, max: 5_000_000 }),
      fc.integer({ min: 0, max: 70_000 }),
      fc.constantFrom(...[-1, 0, 1].flatMap((by) => [payloadBytes + by, bodyLimit - overhead + by])),
    );
    const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(sizes, cuts, fc.boolean(), async (size, cutsAt, chunked) => {
        // ASCII, so that sizes of text and bytes are one; told apart by position.
        const data = 'abcdefghijklmnopqrstuvwxyz0123456789-'.repeat(size / 37 + 1).slice(0, size);
        const body = Buffer.from(bodyOf(data));
        await using http = await openHttp(large);
        const framing = chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': body.length };
        await http.write(head('POST', signed('POST', EVENTS, body), framing));
        const ends = [...cutsAt.map((cut) => Math.floor(cut * body.length)), body.length].sort((a, b) => a - b);
        let start = 0;
        for (const end of ends) {
          const piece = body.subarray(start, end);
          if (piece.length > 0) await http.write(chunked ? chunk(piece) : piece);
          start = end;
        }
        if (chunked) await http.write(chunk(''));
        const answer = await http.next();
        if (size <= payloadBytes) {
          expect(answer).toMatchObject({ status: 200, text: '{}' });
          const frame = await client.next();
          expect(frame.data === data).toBe(true);
        } else if (body.length <= bodyLimit) {
          expectRefusal(answer, 413, new RegExp(`maximum \\(${payloadBytes} bytes\\).*it has ${size} bytes`));
        } else {
          expectRefusal(
            answer,
            413,
            `Payload too large: the request body has ${body.length} bytes, the limit is ${bodyLimit} bytes.`,
          );
        }
      }),
      {
        numRuns: 40,
        examples: [
          [0, [], true],
          [payloadBytes, [0.5], true],
          [5_000_000, [], false],
        ],
      },
    );
    await client.expectNothing();
  });

  test('takes a batch as large as its events may be', async () => {
    const batch = Array.from({ length: 10 }, () => ({ name: 'e', channel: 'a', data: '"'.repeat(5000) }));
    expectJson(await api(server, 'POST', '/apps/app-id/batch_events', { body: { batch } }), '{}');
  });

  test('reads 10 MB to their end, so that the sender reads the limit and the actual size', async () => {
    await using http = await openHttp(server);
    const body = Buffer.alloc(10_000_000, 'x');
    await http.write(head('POST', signed('POST', EVENTS, body), { 'content-length': body.length }));
    await http.write(body);
    expectRefusal(
      await http.next(),
      413,
      'Payload too large: the request body has 10000000 bytes, the limit is 647168 bytes.',
    );
    expect((await exchange(server, 'GET', '/up')).status).toBe(200);
  });

  test('cuts a body off that has no end', async () => {
    await using http = await openHttp(server);
    await http.write(head('POST', `${EVENTS}?auth_key=app-key`, { 'transfer-encoding': 'chunked' }));
    const mebibyte = chunk(Buffer.alloc(1024 * 1024));
    for (let sent = 0; sent <= 64; sent += 1) await http.write(mebibyte);
    const answer = await http.next();
    expectRefusal(
      answer,
      413,
      'Payload too large: the request body has more than 67108864 bytes, the limit is 647168 bytes.',
    );
    expect(answer.headers.connection).toBe('close');
    await http.closed;
  });
});

describe('half of a request', () => {
  test.each([
    ['in the request line', () => 'POST /apps/app-id/ev'],
    ['in the headers', () => head('POST', EVENTS, { 'content-length': 100 }).slice(0, -2)],
    ['before the body', () => head('POST', signed('POST', EVENTS, bodyOf('half')), { 'content-length': 40 })],
    ['in the body', () => `${head('POST', signed('POST', EVENTS, bodyOf('half')), { 'content-length': 40 })}{"na`],
    ['in a chunk', () => `${head('POST', signed('POST', EVENTS, '{}'), { 'transfer-encoding': 'chunked' })}5\r\n{"n`],
  ])('publishes nothing and is no warning in the log when it ends %s', async (_where, bytes) => {
    await using quiet = await startServer();
    for (const how of ['end', 'destroy'] as const) {
      await using http = await openHttp(quiet);
      await http.write(bytes());
      // The server has read it all once it answers somebody who came later.
      expect((await exchange(quiet, 'GET', '/up')).status).toBe(200);
      http.socket[how]();
      await http.closed;
    }
    expect((await exchange(quiet, 'GET', '/up')).status).toBe(200);
    await quiet.stop();
    expect(quiet.logged.filter(({ level }) => Number(level) >= 40)).toEqual([]);
  });

  test('bytes that are no HTTP are answered with 400, and hurt nobody', async () => {
    for (const bytes of ['\r\n\r\n\0\0\0\0', 'GET\r\n\r\n', 'GET /up HTTP/9.9\r\n\r\n', '\x16\x03\x01\x02\x00']) {
      await using http = await openHttp(server);
      await http.write(bytes);
      expectRefusal(await http.next(), 400, /^Bad Request: /);
    }
    const long = head('GET', '/up', { 'x-long': 'x'.repeat(100_000) });
    await using http = await openHttp(server);
    await http.write(long);
    expectRefusal(await http.next(), 431, /^Request Header Fields Too Large: /);
    expect((await exchange(server, 'GET', '/up')).status).toBe(200);
  });
});
