// One message, one rule: those that need no more than an answer.
import { describe, expect, test } from 'vitest';
import { createHarness } from './support/harness.ts';

describe('REC websocket §3.3: ping is answered with pong, whatever its data', () => {
  test.each([
    '{"event":"pusher:ping","data":{}}',
    '{"event":"pusher:ping","data":""}',
    '{"event":"pusher:ping"}',
    '{"event":"pusher:ping","data":null}',
  ])('%s', async (text) => {
    await using harness = await createHarness();
    const client = await harness.connect();
    client.say(text);
    expect(await client.readTexts()).toEqual(['{"event":"pusher:pong","data":"{}"}']);
  });
});

describe('no answer', () => {
  test.each([
    ['pong', '{"event":"pusher:pong","data":{}}'],
    ['an event without a reserved name', '{"event":"hello","channel":"news","data":{}}'],
    [
      'REC websocket §4.5: unsubscribe of an unknown channel',
      '{"event":"pusher:unsubscribe","data":{"channel":"news"}}',
    ],
  ])('%s', async (_, text) => {
    await using harness = await createHarness({ clientEvents: true });
    const client = await harness.connect();
    expect(await client.ask(text)).toEqual([]);
    expect(harness.takeFacts()).toEqual([]);
  });
});

describe('REC websocket §4.6: bad input is answered with 4200 on an open connection', () => {
  test.each([
    '',
    'nonsense',
    '{}',
    '{"event":"pusher:unknown"}',
    '{"event":"pusher:subscribe","data":{}}',
    '{"event":"client-a"}',
    '['.repeat(100_000),
  ])('%#', async (text) => {
    await using harness = await createHarness({ clientEvents: true });
    const client = await harness.connect();
    expect(await client.ask(text)).toEqual(['pusher:error {"code":4200,"message":"Invalid message format"}']);
    expect(client.transport.closedWith).toBe(undefined);
    expect(await client.subscribe('news')).toEqual(['pusher_internal:subscription_succeeded news {}']);
    expect(harness.logged).toEqual([]);
  });
});
