// Whatever is sent: an answer below 500, nothing secret in it, nothing alarming in the log.
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { api, signed } from '../support/api.ts';
import { connect } from '../support/client.ts';
import { credentials, startServer, type TestServer } from '../support/server.ts';
import { exchange, type RawAnswer } from './support/raw-http.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ anyChannelName: true });
});
afterEach(() => {
  expect(server.logged.filter(({ level }) => Number(level) >= 40)).toEqual([]);
});
afterAll(() => server.stop());

const EVENTS = '/apps/app-id/events';
const BATCH = '/apps/app-id/batch_events';

function expectClientError({ status, text }: Pick<RawAnswer, 'status' | 'text'>): void {
  expect(status).toBeGreaterThanOrEqual(400);
  expect(status).toBeLessThan(500);
  expect(text).not.toContain(credentials.secret);
}

/** A value of the right type more often than not, so that what lies behind the first check is reached too. */
const field = <T>(right: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary: right, weight: 4 }, { arbitrary: fc.jsonValue(), weight: 1 });
const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string());
const event = fc.record(
  {
    name: field(text),
    data: fc.jsonValue(),
    channel: field(text),
    channels: field(fc.array(text)),
    socket_id: field(fc.constantFrom('1.1', '1', '')),
    info: field(fc.constantFrom('user_count', 'subscription_count,user_count', '')),
    __proto__: fc.jsonValue(),
  },
  { requiredKeys: ['name', 'data', 'channel'] },
);
const body = fc.oneof(
  event.map((value) => JSON.stringify(value)),
  fc.array(event, { maxLength: 12 }).map((batch) => JSON.stringify({ batch })),
  fc.json(),
  text,
);

test('answers any text as a body with 200 and an object, or 400', async () => {
  await fc.assert(
    fc.asyncProperty(body, fc.constantFrom(EVENTS, BATCH), async (sent, path) => {
      const answer = await api(server, 'POST', path, { body: sent });
      if (answer.status === 200) expect(answer.json).toBeInstanceOf(Object);
      else expect([400, 413]).toContain(answer.status);
    }),
    { numRuns: 400 },
  );
});

test('answers any bytes as a body', async () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 2000 });
  await fc.assert(
    fc.asyncProperty(bytes, fc.constantFrom(EVENTS, BATCH), async (sent, path) => {
      expectClientError(await api(server, 'POST', path, { body: Uint8Array.from(sent) }));
    }),
    { numRuns: 200, examples: [[Uint8Array.from(Buffer.from('\ufeff{}')), EVENTS]] },
  );
});

test('delivers every name, data and channel that it accepts exactly as they were sent', async () => {
  await using client = await connect(server);
  const printable = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
    .filter((name) => !/^(#|private-|presence-|cache-)/.test(name));
  await fc.assert(
    fc.asyncProperty(text, text, printable, async (name, data, channel) => {
      await client.joined(channel);
      const answer = await api(server, 'POST', EVENTS, { body: { name, data, channel } });
      if (answer.status === 200) expect(await client.next()).toEqual({ event: name, channel, data });
      else expectClientError(answer);
      client.send({ event: 'pusher:unsubscribe', data: { channel } });
      await client.expectNothing();
    }),
    { numRuns: 200 },
  );
});

test('refuses a request of which any one character is another', async () => {
  const sent = '{"name":"e","channel":"a","data":"x"}';
  const printable = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code));
  await fc.assert(
    fc.asyncProperty(fc.nat(), printable, fc.boolean(), async (at, character, inBody) => {
      const target = signed('POST', EVENTS, sent);
      const original = inBody ? sent : target;
      // Without the leading slash it would be no path.
      const index = (at % (original.length - 1)) + 1;
      // Names of parameters are the same in any case (auth.md §4.2).
      const inName = !inBody && /[?&][^=&]*$/.test(original.slice(0, index));
      fc.pre(inName ? original[index]?.toLowerCase() !== character.toLowerCase() : original[index] !== character);
      const changed = original.slice(0, index) + character + original.slice(index + 1);
      const answer = await exchange(server, 'POST', inBody ? target : changed, { body: inBody ? changed : sent });
      expectClientError(answer);
      if (inBody) expect(answer.text).toMatch(/^Invalid body_md5/);
    }),
    { numRuns: 400 },
  );
});

test('answers any request target', async () => {
  const characters = fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)) });
  const part = fc.oneof(
    characters,
    fc.constantFrom(
      'apps',
      'app-id',
      'events',
      'channels',
      'users',
      '..',
      '.',
      '',
      '%2F',
      '%',
      '__proto__',
      'app',
      'app-key',
    ),
    text.map(encodeURIComponent),
  );
  const target = fc
    .tuple(fc.array(part, { maxLength: 6 }), fc.array(fc.tuple(part, part), { maxLength: 6 }))
    .map(([path, query]) => `/${path.join('/')}?${query.map((pair) => pair.join('=')).join('&')}`);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom('GET', 'POST', 'HEAD', 'DELETE', 'OPTIONS'), target, async (method, asked) => {
      const answer = await exchange(server, method, asked);
      // The root and the health checks are open, whatever is appended to them.
      if (answer.status === 200) expect(answer.text).toMatch(/^(OK|\{"(health|status)":.*|)$/);
      else expectClientError(answer);
    }),
    { numRuns: 400 },
  );
});

test('answers questions with any query', async () => {
  await fc.assert(
    fc.asyncProperty(text, text, fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), text), async (info, prefix, more) => {
      const query = { ...more, info, filter_by_prefix: prefix };
      const answer = await api(server, 'GET', '/apps/app-id/channels', { query });
      expect([answer.status, answer.text]).toEqual([200, '{"channels":{}}']);
    }),
    { numRuns: 200 },
  );
});
