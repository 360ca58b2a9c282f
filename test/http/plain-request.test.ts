// Which bytes are a request that the front takes. Everything else must be left to Node's parser, never guessed.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPlainRequest } from '../../src/http/plain-request.ts';

const read = (text: string) => readPlainRequest(Buffer.from(text, 'latin1'));

const head = (line: string, ...headers: string[]) => [line, 'Host: x', ...headers, '', ''].join('\r\n');
const post = (...headers: string[]) => `${head('POST /apps/1/events?a=b HTTP/1.1', ...headers)}{}`;

describe('a plain request', () => {
  it('is one read: line, headers and the whole body', () => {
    expect(read(post('Content-Length: 2', 'X-A:  b c  ', 'Connection: Keep-Alive'))).toEqual({
      method: 'POST',
      url: '/apps/1/events?a=b',
      headers: { host: 'x', 'content-length': '2', 'x-a': 'b c', connection: 'Keep-Alive' },
      rest: Buffer.from('{}'),
    });
  });

  it('is also a GET, with what came behind it', () => {
    const request = read(`${head('GET /app/k HTTP/1.1', 'Upgrade: websocket')}\x81\x00`);
    expect(request).toMatchObject({ method: 'GET', url: '/app/k', headers: { upgrade: 'websocket' } });
    expect(request?.rest).toEqual(Buffer.from([0x81, 0]));
  });

  it.each([
    ['no length', post()],
    ['a body that is not whole', post('Content-Length: 3')],
    ['more than one request', `${post('Content-Length: 2')}P`],
    ['a length that is no number', post('Content-Length: +2')],
    ['two lengths', post('Content-Length: 2', 'Content-Length: 2')],
    ['a header that is there twice', post('Content-Length: 2', 'X-A: 1', 'x-a: 1')],
    ['chunks', post('Content-Length: 2', 'Transfer-Encoding: chunked')],
    ['a wish for 100 Continue', post('Content-Length: 2', 'Expect: 100-continue')],
    ['trailers', post('Content-Length: 2', 'Trailer: x')],
    ['a connection that is to end', post('Content-Length: 2', 'Connection: close')],
    ['a tab', post('Content-Length: 2\t')],
    ['what some take for Connection', post('Content-Length: 2', 'Proxy-Connection: close')],
    ['an offer of HTTP/2', post('Content-Length: 2', 'HTTP2-Settings: AA')],
    ['a folded header', post('Content-Length: 2', 'X-A: 1\r\n 2')],
    ['a space before the colon', post('Content-Length: 2', 'X-A : 1')],
    ['a header without a name', post('Content-Length: 2', ': 1')],
    ['a line feed alone', post('Content-Length: 2', 'X-A: 1\nX-B: 2')],
    ['a carriage return alone', post('Content-Length: 2', 'X-A: 1\rX-B: 2')],
    ['a space that is none', post('Content-Length: 2\xa0')],
    ['a NUL', post('Content-Length: 2', 'X-A: \0')],
    ['no host', 'POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n'],
    ['a GET with a body', `${head('GET / HTTP/1.1', 'Content-Length: 2')}{}`],
    ['another method', head('PUT / HTTP/1.1', 'Content-Length: 0')],
    ['HTTP/1.0', head('POST / HTTP/1.0', 'Content-Length: 0')],
    ['an absolute URL', head('POST http://x/apps/1/events HTTP/1.1', 'Content-Length: 0')],
    ['a URL with a space', head('POST /a b HTTP/1.1', 'Content-Length: 0')],
    ['a URL beyond ASCII', head('POST /\xe4 HTTP/1.1', 'Content-Length: 0')],
    ['a head that is not over', 'POST / HTTP/1.1\r\nHost: x\r\n'],
    ['a head that is too long', head('POST / HTTP/1.1', 'Content-Length: 0', `X-A: ${'a'.repeat(8192)}`)],
    ['nothing', ''],
    ['a line before it', `\r\n${post('Content-Length: 2')}`],
    ['a header named like what every object has', post('Content-Length: 2', 'constructor: 1')],
  ])('is none with %s', (_, text) => {
    expect(read(text)).toBeUndefined();
  });

  it('is refused as fast where its spaces lead nowhere', () => {
    // A tenth of a second each time where spaces are tried in every split: more than a test may take.
    const text = post('Content-Length: 2', `X-A:${' '.repeat(8000)}\x01`);
    for (let number = 0; number < 1000; number += 1) expect(read(text)).toBeUndefined();
  });

  it('has its own headers and body where others were alike', () => {
    const of = (number: number, body: string) => {
      const length = `Content-Length: ${body.length}`;
      return read(head('POST / HTTP/1.1', length, `X-A: ${number}`) + body);
    };
    for (let number = 0; number < 2000; number += 1) {
      const first = of(number, '[]');
      expect(first).toMatchObject({ headers: { 'x-a': String(number) }, rest: Buffer.from('[]') });
      expect(of(number, '{}')).toEqual({ ...first, rest: Buffer.from('{}') });
      expect(of(number, '[1]')).toMatchObject({ headers: { 'content-length': '3' }, rest: Buffer.from('[1]') });
    }
  });

  it('is none of what is cut anywhere', () => {
    const whole = post('Content-Length: 2');
    for (let length = 0; length < whole.length; length += 1) expect(read(whole.slice(0, length))).toBeUndefined();
  });

  it('is read as Node reads it, whatever the headers', async () => {
    const character = fc.constantFrom(
      'a',
      'B',
      '-',
      ':',
      ' ',
      '\t',
      '"',
      ',',
      '\xe4',
      '\x7f',
      '\r',
      '\n',
      '\0',
      '_',
      '%',
    );
    const line = fc.tuple(fc.string({ unit: character, maxLength: 3 }), fc.string({ unit: character, maxLength: 8 }));
    const lines = fc.array(
      line.map(([name, value]) => `x${name}:${value}`),
      { maxLength: 3 },
    );
    const taken = fc
      .sample(lines, { numRuns: 3000, seed: 1 })
      .map((headers) => post('Content-Length: 2', ...headers))
      .filter((text) => read(text) !== undefined);
    expect(taken.length).toBeGreaterThan(300);
    const server = createServer((request, response) => {
      response.end(JSON.stringify([request.method, request.url, request.headers]));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    for (const text of taken) {
      socket.write(text, 'latin1');
      const [answer] = await once(socket, 'data');
      const request = read(text);
      const [, body] = String(answer).split('\r\n\r\n');
      expect(JSON.parse(body ?? '')).toEqual([request?.method, request?.url, request?.headers]);
    }
    socket.destroy();
    server.close();
  });
});
