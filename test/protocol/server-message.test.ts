// Golden frames: the exact text of every frame the server sends, and its two header bytes.
import { describe, expect, test } from 'vitest';
import * as frames from '../../src/protocol/server-message.ts';
import { textOf } from './support/frames.ts';

const CONVENTIONS = 'https://pusher.com/docs/channels/using_channels/channels/#channel-naming-conventions';

const golden: readonly (readonly [what: string, frame: Buffer, text: string])[] = [
  [
    'REC websocket §2: connection_established is a string',
    frames.connectionEstablished('123456.7890123', 120),
    String.raw`{"event":"pusher:connection_established","data":"{\"socket_id\":\"123456.7890123\",\"activity_timeout\":120}"}`,
  ],
  [
    'REC websocket §2: error is an object',
    frames.error(4001, 'Application does not exist'),
    '{"event":"pusher:error","data":{"code":4001,"message":"Application does not exist"}}',
  ],
  [
    'REC websocket §4.3: the code of an error may be null',
    frames.error(null, 'Connection is unauthorized'),
    '{"event":"pusher:error","data":{"code":null,"message":"Connection is unauthorized"}}',
  ],
  [
    'an error quotes what it must',
    frames.error(4301, 'a "b" \\ \n ü'),
    String.raw`{"event":"pusher:error","data":{"code":4301,"message":"a \"b\" \\ \n ü"}}`,
  ],
  ['REC websocket §2: ping', frames.ping, '{"event":"pusher:ping","data":"{}"}'],
  ['REC websocket §2: pong', frames.pong, '{"event":"pusher:pong","data":"{}"}'],
  [
    'REC websocket §2: subscription_succeeded is a string, never omitted',
    frames.subscriptionSucceeded('news'),
    '{"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}',
  ],
  [
    'subscription_succeeded on presence channels',
    frames.subscriptionSucceeded('presence-room', '{"presence":{"count":1,"ids":["7"],"hash":{"7":{"name":"A"}}}}'),
    String.raw`{"event":"pusher_internal:subscription_succeeded","channel":"presence-room","data":"{\"presence\":{\"count\":1,\"ids\":[\"7\"],\"hash\":{\"7\":{\"name\":\"A\"}}}}"}`,
  ],
  [
    'REC websocket §4.3: subscription_error',
    frames.subscriptionError({
      channel: 'private-x',
      type: 'AuthError',
      error: 'The connection is unauthorized.',
      status: 401,
    }),
    String.raw`{"event":"pusher:subscription_error","channel":"private-x","data":"{\"type\":\"AuthError\",\"error\":\"The connection is unauthorized.\",\"status\":401}"}`,
  ],
  [
    'REC limits §2: subscription_error for a bad name has no type',
    frames.subscriptionError({
      channel: 'a "b"',
      error: `The channel name is not allowed. Read channel conventions: ${CONVENTIONS}`,
      status: 4009,
    }),
    String.raw`{"event":"pusher:subscription_error","channel":"a \"b\"","data":"{\"error\":\"The channel name is not allowed. Read channel conventions: https://pusher.com/docs/channels/using_channels/channels/#channel-naming-conventions\",\"status\":4009}"}`,
  ],
  [
    'REC websocket §2: member_added is a string',
    frames.memberAdded('presence-room', '9', '{"name":"B"}'),
    String.raw`{"event":"pusher_internal:member_added","channel":"presence-room","data":"{\"user_id\":\"9\",\"user_info\":{\"name\":\"B\"}}"}`,
  ],
  [
    'REC websocket §7: member_added without info says null',
    frames.memberAdded('presence-room', 'a"b', 'null'),
    String.raw`{"event":"pusher_internal:member_added","channel":"presence-room","data":"{\"user_id\":\"a\\\"b\",\"user_info\":null}"}`,
  ],
  [
    'REC websocket §2: member_removed is a string',
    frames.memberRemoved('presence-room', '9'),
    String.raw`{"event":"pusher_internal:member_removed","channel":"presence-room","data":"{\"user_id\":\"9\"}"}`,
  ],
  [
    'REC websocket §2: subscription_count is a string',
    frames.subscriptionCount('news', 3),
    String.raw`{"event":"pusher_internal:subscription_count","channel":"news","data":"{\"subscription_count\":3}"}`,
  ],
  [
    'REC websocket §2: cache_miss has data',
    frames.cacheMiss('cache-news'),
    '{"event":"pusher:cache_miss","channel":"cache-news","data":"{}"}',
  ],
  [
    'REC websocket §2: signin_success is a string that echoes user_data unchanged',
    frames.signinSuccess('{"id":"7"}'),
    String.raw`{"event":"pusher:signin_success","data":"{\"user_data\":\"{\\\"id\\\":\\\"7\\\"}\"}"}`,
  ],
  [
    'signin_success keeps the sender’s spacing and escapes',
    frames.signinSuccess('{ "id" : "\\u00e9" }'),
    String.raw`{"event":"pusher:signin_success","data":"{\"user_data\":\"{ \\\"id\\\" : \\\"\\\\u00e9\\\" }\"}"}`,
  ],
  [
    'REC websocket §2: watchlist_events is a string, without a channel',
    frames.watchlistEvents([
      { name: 'online', user_ids: ['1', '2'] },
      { name: 'offline', user_ids: ['3'] },
    ]),
    String.raw`{"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"online\",\"user_ids\":[\"1\",\"2\"]},{\"name\":\"offline\",\"user_ids\":[\"3\"]}]}"}`,
  ],
  [
    'REC websocket §2: an event carries the string that was published, byte for byte',
    frames.event('App\\Events\\OrderShipped', 'news', '{ "a" : 1.0,\n"b":"é\\/" }'),
    String.raw`{"event":"App\\Events\\OrderShipped","channel":"news","data":"{ \"a\" : 1.0,\n\"b\":\"é\\/\" }"}`,
  ],
  [
    'an event’s data need not be JSON',
    frames.event('e', 'news', 'plain {'),
    '{"event":"e","channel":"news","data":"plain {"}',
  ],
  ['an event’s data may be empty', frames.event('e', 'news', ''), '{"event":"e","channel":"news","data":""}'],
  [
    'REC websocket §2: an encrypted event is opaque',
    frames.event('e', 'private-encrypted-x', '{"nonce":"bm9uY2U=","ciphertext":"Y2lwaGVy"}'),
    String.raw`{"event":"e","channel":"private-encrypted-x","data":"{\"nonce\":\"bm9uY2U=\",\"ciphertext\":\"Y2lwaGVy\"}"}`,
  ],
  [
    'REC websocket §6: a client event is a string',
    frames.clientEvent('client-typing', 'private-x', '{"on":true}', undefined),
    String.raw`{"event":"client-typing","channel":"private-x","data":"{\"on\":true}"}`,
  ],
  [
    'REC websocket §6: a client event on a presence channel says who sent it, as a string',
    frames.clientEvent('client-typing', 'presence-x', 'null', '7'),
    '{"event":"client-typing","channel":"presence-x","data":"null","user_id":"7"}',
  ],
];

describe('golden frames', () => {
  test.each(golden)('%s', (_, frame, text) => {
    expect(textOf(frame)).toBe(text);
  });
});

describe('golden frames, whole: header and text as bytes', () => {
  test.each([
    ['pong', frames.pong, '8123', '{"event":"pusher:pong","data":"{}"}'],
    ['cache_miss', frames.cacheMiss('c'), '8137', '{"event":"pusher:cache_miss","channel":"c","data":"{}"}'],
    ['an event of 125 bytes', frames.event('e', 'c', 'x'.repeat(88)), '817d', 88],
    ['an event of 126 bytes', frames.event('e', 'c', 'x'.repeat(89)), '817e007e', 89],
    ['an event of 65 535 bytes', frames.event('e', 'c', 'x'.repeat(65_498)), '817effff', 65_498],
    ['an event of 65 536 bytes', frames.event('e', 'c', 'x'.repeat(65_499)), '817f0000000000010000', 65_499],
    ['é counts twice', frames.event('é', 'c', ''), '8126', '{"event":"é","channel":"c","data":""}'],
    ['🎺 counts four times', frames.event('🎺', 'c', ''), '8128', '{"event":"🎺","channel":"c","data":""}'],
  ])('%s', (_, frame, header, textOrFill) => {
    const text =
      typeof textOrFill === 'string' ? textOrFill : `{"event":"e","channel":"c","data":"${'x'.repeat(textOrFill)}"}`;
    expect(frame.equals(Buffer.concat([Buffer.from(header, 'hex'), Buffer.from(text)]))).toBe(true);
  });
});

test('REC websocket §2: data is a string in every frame but pusher:error', () => {
  for (const [what, frame] of golden) {
    const { event, data } = JSON.parse(textOf(frame)) as { event: string; data: unknown };
    expect(typeof data, what).toBe(event === 'pusher:error' ? 'object' : 'string');
  }
});

test('the catalogue of websocket §12 is covered: every event the server sends has a golden frame', () => {
  const sent = new Set(golden.map(([, frame]) => (JSON.parse(textOf(frame)) as { event: string }).event));
  for (const name of [
    'pusher:connection_established',
    'pusher:error',
    'pusher:ping',
    'pusher:pong',
    'pusher:signin_success',
    'pusher:cache_miss',
    'pusher:subscription_error',
    'pusher_internal:subscription_succeeded',
    'pusher_internal:subscription_count',
    'pusher_internal:member_added',
    'pusher_internal:member_removed',
    'pusher_internal:watchlist_events',
  ]) {
    expect(sent).toContain(name);
  }
});
