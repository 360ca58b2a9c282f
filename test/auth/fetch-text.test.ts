// Bounded requests to a real server.
import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { type FetchOptions, fetchText } from '../../src/auth/fetch-text.ts';
import { JwksServer } from './support/tokens.ts';

const options = (some: Partial<FetchOptions> = {}): FetchOptions => ({
  method: 'GET',
  headers: {},
  timeoutMs: 10_000,
  maxBytes: 10,
  signal: new AbortController().signal,
  ...some,
});

describe('a request', () => {
  test('gives status, headers and text, of a redirect too, which is not followed', async () => {
    await using server = await JwksServer.start();
    server.say('grüße', 302, { location: server.url, 'x-a': 'b' });
    const answer = await fetchText(server.url, options({ method: 'POST', body: 'x' }));
    expect(answer).toMatchObject({ status: 302, text: 'grüße' });
    expect(answer.headers.get('x-a')).toBe('b');
    expect(server.requests).toBe(1);
  });

  test('takes as many bytes as allowed and no more', async () => {
    await using server = await JwksServer.start();
    server.say('é'.repeat(5));
    await fetchText(server.url, options());
    server.say('x'.repeat(11));
    await expect(fetchText(server.url, options())).rejects.toMatchObject({
      reason: 'garbled',
      message: 'the answer is larger than 10 bytes',
    });
  });

  test('fails when the answer is not UTF-8', async () => {
    await using server = await JwksServer.start();
    server.say(Buffer.from([0xc3]));
    await expect(fetchText(server.url, options())).rejects.toMatchObject({ reason: 'garbled' });
  });

  test('fails when the answer or its end takes too long', async () => {
    await using server = await JwksServer.start();
    for (const change of [() => server.hang(), () => server.stall('x')]) {
      change();
      await expect(fetchText(server.url, options({ timeoutMs: 50 }))).rejects.toMatchObject({
        reason: 'slow',
        message: 'no answer within 50 ms',
      });
    }
  });

  test('ends when the server stops, and is not made afterwards', async () => {
    await using server = await JwksServer.start();
    server.hang();
    const stopping = new AbortController();
    const { signal } = stopping;
    const refused = expect(fetchText(server.url, options({ signal }))).rejects.toMatchObject({ reason: 'stopped' });
    await server.arrived(1);
    stopping.abort();
    await refused;
    await expect(fetchText(server.url, options({ signal }))).rejects.toMatchObject({ reason: 'stopped' });
    expect(server.requests).toBe(1);
  });

  test('fails with the cause when the server is not there', async () => {
    const server = await JwksServer.start();
    const { url } = server;
    await server[Symbol.asyncDispose]();
    await expect(fetchText(url, options())).rejects.toMatchObject({ reason: 'unreachable', message: 'ECONNREFUSED' });
  });

  test('does not name a header that cannot be sent', async () => {
    await using server = await JwksServer.start();
    await expect(fetchText(server.url, options({ headers: { cookie: 'hu\nsh' } }))).rejects.toMatchObject({
      reason: 'unreachable',
      message: 'the request cannot be sent',
    });
  });

  test('leaves nothing behind on the signal it was given, which many may share', async () => {
    await using server = await JwksServer.start();
    server.hang();
    const { signal } = new AbortController();
    const warnings: Error[] = [];
    const warn = (warning: Error) => void warnings.push(warning);
    process.on('warning', warn);
    const asked = Promise.all(Array.from({ length: 20 }, () => fetchText(server.url, options({ signal }))));
    await server.arrived(20);
    expect(getEventListeners(signal, 'abort')).toHaveLength(20);
    server.say('x');
    server.release();
    await asked;
    process.off('warning', warn);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(warnings).toEqual([]);
  });
});
