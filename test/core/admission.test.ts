// Who may connect, and how the others are told.
import { describe, expect, test } from 'vitest';
import { isAllowedOrigin, refusal } from '../../src/core/admission.ts';
import { createHarness, makeApp } from './support/harness.ts';
import { settle } from './support/time.ts';

const lenient = makeApp();
const strict = makeApp({ strict: true });

describe('REC websocket §1.1: protocol', () => {
  test.each([
    ['7', undefined],
    ['6', undefined],
    ['5', undefined],
    ['4', undefined],
    ['3', 4007],
    ['2', 4007],
    ['1', 4007],
    ['0', 4007],
    ['8', 4007],
    ['70', 4007],
    ['99999999999999999999', 4007],
    [undefined, undefined],
    ['', undefined],
    ['seven', 4006],
    ['7.0', 4006],
    ['-7', 4006],
    [' 7', 4006],
    ['7\n', 4006],
  ])('%j: %s', (protocol, code) => {
    expect(refusal({ app: lenient, protocol, origin: undefined })?.code).toBe(code);
  });

  test.each([undefined, ''])('REC websocket §1.1: a missing one (%j) is 4008 on a strict app', (protocol) => {
    expect(refusal({ app: strict, protocol, origin: undefined })?.code).toBe(4008);
    expect(refusal({ app: strict, protocol: '7', origin: undefined })).toBe(undefined);
  });
});

describe('origins', () => {
  test.each([
    ['https://example.com', ['*'], true],
    ['null', ['*'], true],
    ['https://example.com', ['example.com'], true],
    ['https://example.com:8443', ['example.com'], true],
    ['http://EXAMPLE.com', ['Example.COM'], true],
    ['https://www.example.com', ['example.com'], false],
    ['https://example.com.evil.org', ['example.com'], false],
    ['https://evil-example.com', ['*.example.com'], false],
    ['https://example.com', ['*.example.com'], false],
    ['https://www.example.com', ['*.example.com'], true],
    ['https://a.b.example.com', ['*.EXAMPLE.com'], true],
    ['https://example.com.evil.org', ['*.example.com'], false],
    ['https://example.com:8443', ['https://example.com:8443'], true],
    ['https://example.com', ['https://example.com:8443'], false],
    ['http://example.com', ['https://example.com'], false],
    ['https://example.com', ['other.com', 'example.com'], true],
    ['https://example.com', [], false],
    ['null', ['example.com'], false],
    ['', ['example.com'], false],
    ['http://localhost:3000', ['localhost'], true],
    ['https://user:example.com@evil.org', ['example.com'], false],
  ])('%j against %j: %s', (origin, allowed, expected) => {
    expect(isAllowedOrigin(origin, allowed)).toBe(expected);
  });

  test('a client that sends none is not a browser, and admitted', () => {
    const app = makeApp({ allowedOrigins: ['example.com'] });
    expect(refusal({ app, protocol: '7', origin: undefined })).toBe(undefined);
    expect(refusal({ app, protocol: '7', origin: '' })?.code).toBe(4009);
  });
});

describe('REC websocket §3.2: a refused socket reads the error, then the close frame with the same code and text', () => {
  const disabled = makeApp({ enabled: false, strict: true, allowedOrigins: [] });
  const elsewhere = makeApp({ allowedOrigins: ['example.com'] });
  test.each([
    ['unknown key', { app: undefined }, 4001, 'Application does not exist'],
    [
      'disabled app, before anything else of it',
      { app: disabled, protocol: undefined },
      4003,
      'The app is not enabled.',
    ],
    ['malformed protocol', { protocol: 'x' }, 4006, 'Invalid version string format'],
    ['unsupported protocol', { protocol: '3' }, 4007, 'Unsupported protocol version'],
    ['no protocol', { app: strict, protocol: undefined }, 4008, 'No protocol version supplied'],
    ['origin', { app: elsewhere, origin: 'https://evil.org' }, 4009, 'Origin not allowed'],
  ])('%s', async (_, options, code, message) => {
    await using harness = await createHarness();
    const client = harness.open(options);
    expect(client.connection).toBe(undefined);
    expect(client.transport.texts).toEqual([`{"event":"pusher:error","data":{"code":${code},"message":"${message}"}}`]);
    expect(client.transport.closedWith).toEqual({ code, reason: message });
    expect(harness.core.nodeStats()).toEqual({ sockets: 0, topics: 0, malformed: 0 });
    expect(harness.facts).toEqual([]);
  });

  test('REC limits §2: over the app’s connection quota: 4004, and a place that became free is given again', async () => {
    await using harness = await createHarness({ limits: { connections: 2 } });
    const first = await harness.connect();
    await harness.connect();
    const third = harness.open();
    expect(await third.read()).toEqual(['pusher:error {"code":4004,"message":"Application is over connection quota"}']);
    expect(third.transport.closedWith).toEqual({ code: 4004, reason: 'Application is over connection quota' });
    await third.close();
    expect(await harness.core.connectionCount(harness.app)).toBe(2);
    expect(harness.facts.map(({ type }) => type)).toEqual(['connection_opened', 'connection_opened']);
    await first.close();
    const fourth = harness.open();
    expect((await fourth.read())[0]).toMatch(/^pusher:connection_established /);
  });

  test('REC limits §2: an overloaded node: 4100 Over capacity, before the app is asked', async () => {
    await using harness = await createHarness({}, { maxConnections: 1 });
    await harness.connect();
    const second = harness.open();
    expect(second.connection).toBe(undefined);
    await settle();
    expect(second.transport.texts).toEqual(['{"event":"pusher:error","data":{"code":4100,"message":"Over capacity"}}']);
    expect(second.transport.closedWith).toEqual({ code: 4100, reason: 'Over capacity' });
    expect(await harness.core.connectionCount(harness.app)).toBe(1);
  });
});
