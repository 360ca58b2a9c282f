// POST batch_events: all of it or nothing, in order (http-api.md §3).
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiAnswer, api } from '../support/api.ts';
import { connect } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectJson, expectRefusal } from './support/answers.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const send = (body: unknown): Promise<ApiAnswer> => api(server, 'POST', '/apps/app-id/batch_events', { body });
const item = (channel: string, more: object = {}) => ({ name: 'e', channel, data: 'x', ...more });

describe('the answer', () => {
  test('is {} for a full batch within the limits, however its JSON is escaped', async () => {
    await using client = await connect(server);
    await client.joined('escaped');
    const data = '\u0001'.repeat(10_240);
    expectJson(await send({ batch: Array.from({ length: 10 }, () => item('escaped', { data })) }), '{}');
    for (let index = 0; index < 10; index += 1) expect((await client.next()).data === data).toBe(true);
  });

  test('REC http-api §3: is {} when no event asked for counts', async () => {
    expectJson(await send({ batch: [item('a'), item('b')] }), '{}');
  });

  test('REC http-api §3: is an array, aligned by index, when one event asked for counts', async () => {
    await using client = await connect(server);
    await client.joined('presence-aligned', { user_id: '1' });
    const answer = await send({
      batch: [
        item('aligned'),
        item('presence-aligned', { info: 'user_count' }),
        item('aligned', { info: 'user_count' }),
        item('aligned', { info: 'user_count,subscription_count' }),
        item('presence-aligned', { info: 'user_count,subscription_count' }),
      ],
    });
    expectJson(
      answer,
      '{"batch":[{},{"user_count":1},{},{"subscription_count":0},{"user_count":1,"subscription_count":1}]}',
    );
  });

  test('REC http-api §10: infos for some are answered with {"batch":[{"user_count":1},{}]}', async () => {
    await using client = await connect(server);
    await client.joined('presence-some', { user_id: '1' });
    expectJson(
      await send({ batch: [item('presence-some', { info: 'user_count' }), item('b')] }),
      '{"batch":[{"user_count":1},{}]}',
    );
  });
});

describe('delivery', () => {
  test('delivers in the order of the batch, each event without the connection it excludes', async () => {
    await using one = await connect(server);
    await using other = await connect(server);
    for (const client of [one, other]) await client.joined('ordered');
    await send({
      batch: [
        item('ordered', { data: '1' }),
        item('ordered', { data: '2', socket_id: one.socketId }),
        item('ordered', { data: '3', socket_id: other.socketId }),
        item('ordered', { data: { n: 4 } }),
      ],
    });
    for (const data of ['1', '3', '{"n":4}']) expect(await one.next()).toMatchObject({ data });
    for (const data of ['1', '2', '{"n":4}']) expect(await other.next()).toMatchObject({ data });
    for (const client of [one, other]) await client.expectNothing();
  });

  const good = item('rejected');
  test.each<[string, unknown[], number, string | RegExp]>([
    ['without a channel', [good, { name: 'e', data: 'x' }], 400, 'Missing required parameter: channel'],
    ['with channels for channel', [good, { ...item('a'), channel: undefined, channels: ['a'] }], 400, /channel$/],
    ['without a name', [good, { channel: 'a', data: 'x' }], 400, 'Missing required parameter: name'],
    ['without data', [good, { channel: 'a', name: 'e' }], 400, 'Missing required parameter: data'],
    ['with a bad channel name', [good, item('a b')], 400, 'Invalid channel name a b'],
    ['with a reserved event name', [good, item('a', { name: 'pusher:x' })], 400, /reserved/],
    ['with a malformed socket_id', [good, item('a', { socket_id: 'x' })], 400, 'Invalid socket id x'],
    ['with data that is too large', [good, item('a', { data: 'x'.repeat(10_241) })], 413, /10240 bytes.*10241 bytes/],
    ['that is no object', [good, 'x'], 400, 'Invalid batch[1]: expected an object'],
    ['that is null', [good, null], 400, 'Invalid batch[1]: expected an object'],
    ['that is an array', [good, []], 400, 'Invalid batch[1]: expected an object'],
    ['beyond the tenth', Array(11).fill(good), 400, 'Batch too large (11 > 10)'],
  ])('REC http-api §1.1: publishes nothing of a batch with an event %s', async (_what, batch, status, text) => {
    await using client = await connect(server);
    await client.joined('rejected');
    expectRefusal(await send({ batch }), status, text);
    await client.expectNothing();
  });

  test('takes ten events of the largest data', async () => {
    await using client = await connect(server);
    await client.joined('large');
    const data = 'ä'.repeat(5120);
    expectJson(await send({ batch: Array(10).fill(item('large', { data })) }), '{}');
    for (let n = 0; n < 10; n += 1) expect(await client.next()).toMatchObject({ data });
  });
});

test.each<[unknown, string | RegExp]>([
  [{}, 'Missing required parameter: batch'],
  [{ batch: [] }, 'Missing required parameter: batch'],
  [{ batch: {} }, 'Invalid batch: expected an array of events'],
  [{ batch: 'x' }, 'Invalid batch: expected an array of events'],
  [{ batch: null }, 'Invalid batch: expected an array of events'],
  [[item('a')], 'The request body must be a JSON object.'],
  ['{"batch":[', 'The request body is not valid JSON in UTF-8.'],
])('answers the body %j with 400 that says why', async (body, text) => {
  expectRefusal(await send(body), 400, text);
});

test('REC limits §3: the number of events is checked before their contents, and the limit is the app’s', async () => {
  await using small = await startServer({ limits: { batchEvents: 2 } });
  const answer = await api(small, 'POST', '/apps/app-id/batch_events', { body: { batch: [{}, {}, {}] } });
  expectRefusal(answer, 400, 'Batch too large (3 > 2)');
});
