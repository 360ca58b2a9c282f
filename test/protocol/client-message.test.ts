// Text from clients: every message in every encoding that clients use, and everything else refused.
import { describe, expect, test } from 'vitest';
import { type ClientMessage, parseClientMessage } from '../../src/protocol/client-message.ts';
import { ProtocolError } from '../../src/protocol/errors.ts';

const AUTH = 'key:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4';

const subscribe = (channel: string, auth = '', channelData?: string): ClientMessage => ({
  type: 'subscribe',
  channel,
  auth,
  channelData,
});
const clientEvent = (data: string): ClientMessage => ({
  type: 'client-event',
  event: 'client-a',
  channel: 'private-x',
  data,
});

/** The parser's error, or the message when there is none. */
function errorOf(text: string): unknown {
  try {
    return parseClientMessage(text);
  } catch (err) {
    return err;
  }
}

describe('every known message in every encoding clients use', () => {
  test.each<[what: string, text: string, message: ClientMessage]>([
    ['ping of pusher-js', '{"event":"pusher:ping","data":{}}', { type: 'ping' }],
    ['ping of Pysher', '{"event":"pusher:ping","data":""}', { type: 'ping' }],
    ['ping without data', '{"event":"pusher:ping"}', { type: 'ping' }],
    ['ping with null', '{"event":"pusher:ping","data":null}', { type: 'ping' }],
    ['ping of Java', '{"event": "pusher:ping","data": "{}"}', { type: 'ping' }],
    ['ping with unknown keys', '{"event":"pusher:ping","x":1,"data":[1]}', { type: 'ping' }],
    ['ping with channel null', '{"event":"pusher:ping","data":{},"channel":null}', { type: 'ping' }],
    ['pong', '{"event":"pusher:pong","data":{}}', { type: 'pong' }],
    ['pong of Pysher', '{"event":"pusher:pong","data":""}', { type: 'pong' }],
    ['pong without data', '{"event":"pusher:pong"}', { type: 'pong' }],
    ['subscribe of pusher-js', '{"event":"pusher:subscribe","data":{"auth":"","channel":"news"}}', subscribe('news')],
    ['subscribe without auth', '{"event":"pusher:subscribe","data":{"channel":"news"}}', subscribe('news')],
    ['auth null', '{"event":"pusher:subscribe","data":{"channel":"news","auth":null}}', subscribe('news')],
    ['auth a number', '{"event":"pusher:subscribe","data":{"channel":"news","auth":5}}', subscribe('news')],
    ['auth an object', '{"event":"pusher:subscribe","data":{"channel":"news","auth":{"a":1}}}', subscribe('news')],
    [
      'a signed subscribe',
      `{"event":"pusher:subscribe","data":{"channel":"private-x","auth":"${AUTH}"}}`,
      subscribe('private-x', AUTH),
    ],
    [
      'channel_data, with Python’s spacing, as it is',
      String.raw`{"event":"pusher:subscribe","data":{"channel":"presence-x","auth":"a:b","channel_data":"{\"user_id\": \"1\"}"}}`,
      subscribe('presence-x', 'a:b', '{"user_id": "1"}'),
    ],
    [
      'channel_data null',
      '{"event":"pusher:subscribe","data":{"channel":"x","channel_data":null}}',
      subscribe('x', '', undefined),
    ],
    [
      'channel_data empty',
      '{"event":"pusher:subscribe","data":{"channel":"x","channel_data":""}}',
      subscribe('x', '', undefined),
    ],
    [
      'REC websocket §2: data as a string of JSON',
      String.raw`{"event":"pusher:subscribe","data":"{\"channel\":\"private-x\",\"auth\":\"a:b\",\"channel_data\":\"{\\\"user_id\\\":7}\"}"}`,
      subscribe('private-x', 'a:b', '{"user_id":7}'),
    ],
    [
      'unknown keys beside the known ones',
      '{"event":"pusher:subscribe","channel":"y","data":{"channel":"x","shared_secret":"s"},"extra":{}}',
      subscribe('x'),
    ],
    [
      'an empty channel name is for the rules to refuse',
      '{"event":"pusher:subscribe","data":{"channel":""}}',
      subscribe(''),
    ],
    ['unsubscribe', '{"event":"pusher:unsubscribe","data":{"channel":"x"}}', { type: 'unsubscribe', channel: 'x' }],
    [
      'unsubscribe as a string of JSON',
      String.raw`{"event":"pusher:unsubscribe","data":"{\"channel\":\"x\"}"}`,
      { type: 'unsubscribe', channel: 'x' },
    ],
    [
      'signin',
      String.raw`{"event":"pusher:signin","data":{"auth":"a:b","user_data":"{\"id\":\"7\"}"}}`,
      { type: 'signin', auth: 'a:b', userData: '{"id":"7"}' },
    ],
    [
      'signin as a string of JSON',
      String.raw`{"event":"pusher:signin","data":"{\"auth\":\"a:b\",\"user_data\":\"{\\\"id\\\":\\\"7\\\"}\"}"}`,
      { type: 'signin', auth: 'a:b', userData: '{"id":"7"}' },
    ],
    [
      'signin with auth null, for the rules to refuse',
      '{"event":"pusher:signin","data":{"auth":null,"user_data":""}}',
      { type: 'signin', auth: '', userData: '' },
    ],
    ['an event without a reserved name is dropped', '{"event":"hello","channel":"x","data":1}', { type: 'ignored' }],
    ['CLIENT- is not client-', '{"event":"CLIENT-a","channel":"x"}', { type: 'ignored' }],
    ['an empty event name', '{"event":"","channel":"x"}', { type: 'ignored' }],
  ])('%s', (_, text, message) => {
    expect(parseClientMessage(text)).toEqual(message);
  });
});

describe('REC websocket §6: strings are relayed as they are, everything else as its JSON', () => {
  test.each([
    ['an object', ',"data":{"a": [1, 2.50, "\\u00e9"]}', '{"a":[1,2.5,"é"]}'],
    ['an array', ',"data":[]', '[]'],
    ['Java’s string of JSON', String.raw`,"data":"{\"a\": 1}"`, '{"a": 1}'],
    ['a string that is no JSON', ',"data":"hi {"', 'hi {'],
    ['an empty string', ',"data":""', ''],
    ['a number', ',"data":12', '12'],
    ['zero', ',"data":0', '0'],
    ['false', ',"data":false', 'false'],
    ['null', ',"data":null', 'null'],
    ['nothing: "null", as Java throws at an absent key', '', 'null'],
    ['keys of the prototype', ',"data":{"__proto__":{"a":1},"constructor":2}', '{"__proto__":{"a":1},"constructor":2}'],
  ])('%s', (_, data, relayed) => {
    const text = `{"event":"client-a","channel":"private-x"${data}}`;
    expect(parseClientMessage(text)).toEqual(clientEvent(relayed));
  });
});

const DEEP = '['.repeat(100_000);

describe('REC websocket §4.6: what is no message is answered with 4200 Invalid message format, and is not fatal', () => {
  test.each([
    ['an empty text', ''],
    ['no JSON', 'hello'],
    ['cut JSON', '{"event":"pusher:ping"'],
    ['null', 'null'],
    ['a number', '1'],
    ['a string', '"pusher:ping"'],
    ['an array', '[{"event":"pusher:ping"}]'],
    ['an object without event', '{}'],
    ['event null', '{"event":null}'],
    ['event a number', '{"event":1}'],
    ['event an object', '{"event":{"a":1},"channel":"x"}'],
    ['channel a number', '{"event":"client-a","channel":1}'],
    ['an unknown pusher: event', '{"event":"pusher:hello","data":{}}'],
    ['an unknown pusher: event with a channel', '{"event":"pusher:subscription_succeeded","channel":"x"}'],
    ['a pusher_internal: event', '{"event":"pusher_internal:member_added","channel":"presence-x","data":"{}"}'],
    ['a client event without channel', '{"event":"client-a","data":{}}'],
    ['a client event with channel null', '{"event":"client-a","channel":null,"data":{}}'],
    ['any event without channel', '{"event":"hello"}'],
    ['subscribe without data', '{"event":"pusher:subscribe"}'],
    ['subscribe with data null', '{"event":"pusher:subscribe","data":null}'],
    ['subscribe with an array', '{"event":"pusher:subscribe","data":["x"]}'],
    ['subscribe with a string that is no JSON', '{"event":"pusher:subscribe","data":"x"}'],
    ['subscribe wrapped twice', String.raw`{"event":"pusher:subscribe","data":"\"{}\""}`],
    ['subscribe without channel', '{"event":"pusher:subscribe","data":{"auth":""}}'],
    ['subscribe with the channel outside', '{"event":"pusher:subscribe","channel":"x","data":{}}'],
    ['subscribe with channel null', '{"event":"pusher:subscribe","data":{"channel":null}}'],
    ['subscribe with channel a number', '{"event":"pusher:subscribe","data":{"channel":7}}'],
    ['unsubscribe without channel', '{"event":"pusher:unsubscribe","data":{}}'],
    ['signin without user_data', '{"event":"pusher:signin","data":{"auth":"a:b"}}'],
    ['signin with user_data an object', '{"event":"pusher:signin","data":{"auth":"a:b","user_data":{"id":"7"}}}'],
    ['a hundred thousand open brackets', DEEP],
    ['brackets a hundred thousand deep', `${DEEP}${']'.repeat(100_000)}`],
    ['a client event too deep to relay', `{"event":"client-a","channel":"x","data":${DEEP}${']'.repeat(100_000)}}`],
    ['subscribe with deep data', `{"event":"pusher:subscribe","data":${DEEP}${']'.repeat(100_000)}}`],
  ])('%s', (_, text) => {
    const err = errorOf(text);
    expect(err).toBeInstanceOf(ProtocolError);
    expect(err).toMatchObject({ code: 4200, message: 'Invalid message format', fatal: false, failure: undefined });
  });
});

describe('keys of the prototype are mere text', () => {
  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('%s', (name) => {
    const quoted = JSON.stringify(name);
    expect(parseClientMessage(`{"event":${quoted},"channel":"x"}`)).toEqual({ type: 'ignored' });
    expect(parseClientMessage(`{"event":"client-a","channel":${quoted}}`)).toMatchObject({ channel: name });
    expect(parseClientMessage(`{"event":"pusher:subscribe","data":{"channel":${quoted}}}`)).toEqual(subscribe(name));
    expect(errorOf(`{${quoted}:{"event":"pusher:ping"}}`)).toBeInstanceOf(ProtocolError);
    expect(errorOf(`{"event":"pusher:subscribe","data":{${quoted}:{"channel":"x"}}}`)).toBeInstanceOf(ProtocolError);
    expect(({} as { event?: unknown }).event).toBe(undefined);
  });
});
