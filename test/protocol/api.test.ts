// Bodies of the HTTP API: what they may look like, and the 400 that names what is wrong.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type EventRequest, parseBatch, parseEvent, parseInfo, parseUnsubscribe } from '../../src/protocol/api.ts';
import { RequestError } from '../../src/protocol/errors.ts';

const DEEP = '['.repeat(100_000) + ']'.repeat(100_000);

const parsed = (event: Partial<EventRequest>): EventRequest => ({
  name: 'e',
  data: 'd',
  channels: ['c'],
  socketId: undefined,
  asked: undefined,
  ...event,
});

function refusalOf(parse: () => unknown): string {
  try {
    return JSON.stringify(parse());
  } catch (err) {
    expect(err).toBeInstanceOf(RequestError);
    expect(err).toMatchObject({ status: 400 });
    return (err as RequestError).message;
  }
}

describe('POST /events', () => {
  test.each<[what: string, body: string, event: EventRequest]>([
    ['channels', '{"name":"e","data":"d","channels":["c","d"]}', parsed({ channels: ['c', 'd'] })],
    ['one channel, as PHP sends it', '{"name":"e","data":"d","channel":"c"}', parsed({})],
    ['channels before channel', '{"name":"e","data":"d","channel":"x","channels":["c"]}', parsed({})],
    [
      'a channel named twice is one',
      '{"name":"e","data":"d","channels":["c","d","c"]}',
      parsed({ channels: ['c', 'd'] }),
    ],
    ['socket_id', '{"name":"e","data":"d","channel":"c","socket_id":"1.2"}', parsed({ socketId: '1.2' })],
    ['socket_id null', '{"name":"e","data":"d","channel":"c","socket_id":null}', parsed({})],
    [
      'info',
      '{"name":"e","data":"d","channel":"c","info":"user_count, subscription_count,x"}',
      parsed({ asked: { userCount: true, subscriptionCount: true, cache: false } as EventRequest['asked'] }),
    ],
    ['info null', '{"name":"e","data":"d","channel":"c","info":null}', parsed({})],
    ['unknown parameters', '{"name":"e","data":"d","channel":"c","x":{"y":1},"__proto__":{"z":1}}', parsed({})],
    ['empty data', '{"name":"e","data":"","channel":"c"}', parsed({ data: '' })],
    ['data is untouched', '{"name":"e","data":"{ \\"a\\" : 1.0 }","channel":"c"}', parsed({ data: '{ "a" : 1.0 }' })],
    ['data an object becomes its JSON', '{"name":"e","data":{"a": 1},"channel":"c"}', parsed({ data: '{"a":1}' })],
    ['data null', '{"name":"e","data":null,"channel":"c"}', parsed({ data: 'null' })],
    ['data a number', '{"name":"e","data":5,"channel":"c"}', parsed({ data: '5' })],
    ['PHP’s class names', '{"name":"App\\\\Events\\\\E","data":"d","channel":"c"}', parsed({ name: 'App\\Events\\E' })],
    [
      'keys of the prototype',
      '{"name":"__proto__","data":"d","channel":"constructor"}',
      parsed({ name: '__proto__', channels: ['constructor'] }),
    ],
  ])('%s', (_, body, event) => {
    expect(parseEvent(Buffer.from(body))).toEqual(event);
  });

  test.each([
    ['an empty body', '', 'The request body is not valid JSON in UTF-8.'],
    ['no JSON', 'name=e', 'The request body is not valid JSON in UTF-8.'],
    ['an array', '[]', 'The request body must be a JSON object.'],
    ['null', 'null', 'The request body must be a JSON object.'],
    ['a string', '"x"', 'The request body must be a JSON object.'],
    ['no name', '{"data":"d","channel":"c"}', 'Missing required parameter: name'],
    ['no data', '{"name":"e","channel":"c"}', 'Missing required parameter: data'],
    ['no channel', '{"name":"e","data":"d"}', 'Missing required parameter: channel'],
    ['an inherited name', '{"__proto__":{"name":"e"},"data":"d","channel":"c"}', 'Missing required parameter: name'],
    ['an empty name', '{"name":"","data":"d","channel":"c"}', 'Invalid name: must not be empty'],
    ['a name of another type', '{"name":1,"data":"d","channel":"c"}', 'Invalid name: expected a string'],
    ['a channel of another type', '{"name":"e","data":"d","channel":1}', 'Invalid channel: expected a string'],
    [
      'channels of another type',
      '{"name":"e","data":"d","channels":"c"}',
      'Invalid channels: expected an array of strings',
    ],
    ['one of the channels', '{"name":"e","data":"d","channels":["c",1]}', 'Invalid channels.1: expected a string'],
    ['no channels', '{"name":"e","data":"d","channels":[]}', 'Invalid channels: must name at least one channel'],
    [
      'socket_id of another type',
      '{"name":"e","data":"d","channel":"c","socket_id":1.2}',
      'Invalid socket_id: expected a string',
    ],
    ['info of another type', '{"name":"e","data":"d","channel":"c","info":[]}', 'Invalid info: expected a string'],
    ...['12345678901234567890', '{"id":[9007199254740993]}', '{"z":-1e999}'].map((data): [string, string, string] => [
      `data that holds the number of ${data}`,
      `{"name":"e","data":${data},"channel":"c"}`,
      'Invalid data: holds a number that would arrive as another: send it as text',
    ]),
    ['data too deep to be written', `{"name":"e","data":${DEEP},"channel":"c"}`, 'Invalid data: nests too deeply'],
    ['a body of brackets', DEEP, 'The request body must be a JSON object.'],
  ])('REC limits §3: %s is a 400 that says so', (_, body, text) => {
    expect(refusalOf(() => parseEvent(Buffer.from(body)))).toBe(text);
  });

  test('bytes that are not UTF-8 are refused rather than replaced', () => {
    const body = Buffer.concat([
      Buffer.from('{"name":"e","channel":"c","data":"'),
      Buffer.from([0xff]),
      Buffer.from('"}'),
    ]);
    expect(refusalOf(() => parseEvent(body))).toBe('The request body is not valid JSON in UTF-8.');
  });
});

describe('POST /batch_events', () => {
  test('gives the events in order, each with its own parameters', () => {
    const body =
      '{"batch":[{"name":"e","data":"1","channel":"c"},' +
      '{"name":"e","data":{"a":2},"channel":"d","socket_id":"1.2","info":"user_count"}]}';
    expect(parseBatch(Buffer.from(body), 10)).toEqual([
      parsed({ data: '1' }),
      parsed({
        data: '{"a":2}',
        channels: ['d'],
        socketId: '1.2',
        asked: { userCount: true, subscriptionCount: false, cache: false } as EventRequest['asked'],
      }),
    ]);
  });

  const item = '{"name":"e","data":"d","channel":"c"}';
  test.each([
    ['an empty body', '', 'The request body is not valid JSON in UTF-8.'],
    ['no batch', '{}', 'Missing required parameter: batch'],
    ['an empty batch', '{"batch":[]}', 'Missing required parameter: batch'],
    ['a batch of another type', '{"batch":{}}', 'Invalid batch: expected an array of events'],
    ['REC limits §3: too many', `{"batch":[${Array(4).fill(item)}]}`, 'Batch too large (4 > 3)'],
    ['too many, whatever they are', '{"batch":[1,2,3,4]}', 'Batch too large (4 > 3)'],
    ['an item of another type', `{"batch":[${item},7]}`, 'Invalid batch[1]: expected an object'],
    ['an item without data', `{"batch":[${item},{"name":"e","channel":"c"}]}`, 'Missing required parameter: data'],
    [
      'an item with channels',
      '{"batch":[{"name":"e","data":"d","channels":["c"]}]}',
      'Missing required parameter: channel',
    ],
    [
      'an item’s channel',
      '{"batch":[{"name":"e","data":"d","channel":7}]}',
      'Invalid batch[0].channel: expected a string',
    ],
  ])('%s is a 400 that says so', (_, body, text) => {
    expect(refusalOf(() => parseBatch(Buffer.from(body), 3))).toBe(text);
  });

  test('as many as the limit are taken', () => {
    expect(parseBatch(Buffer.from(`{"batch":[${Array(3).fill(item)}]}`), 3)).toHaveLength(3);
  });
});

describe('info', () => {
  const none = { userCount: false, subscriptionCount: false, cache: false };
  test.each([
    [undefined, none],
    ['', none],
    ['unknown', none],
    ['User_Count', none],
    ['user_count', { ...none, userCount: true }],
    ['user_count,subscription_count', { ...none, userCount: true, subscriptionCount: true }],
    [' cache , x,', { ...none, cache: true }],
  ])('%j', (info, asked) => expect(parseInfo(info)).toEqual(asked));
});

describe('POST users/{id}/channels/{name}/unsubscribe', () => {
  test.each([
    ['', 0],
    ['{}', 0],
    ['{"deny_seconds":0}', 0],
    ['{"deny_seconds":60}', 60],
    ['{"deny_seconds":31536000}', 31_536_000],
  ])('%s denies for %i seconds', (body, seconds) => {
    expect(parseUnsubscribe(Buffer.from(body))).toBe(seconds);
  });

  const seconds = 'Invalid deny_seconds: expected a whole number of seconds from 0 to 31536000';
  test.each([
    ['{"deny_seconds":-1}', seconds],
    ['{"deny_seconds":31536001}', seconds],
    ['{"deny_seconds":1.5}', seconds],
    ['{"deny_seconds":1e400}', seconds],
    ['{"deny_seconds":"60"}', seconds],
    ['{"deny_seconds":null}', seconds],
    ['{"deny_seconds":true}', seconds],
    ['{"deny_second":60}', 'Unknown parameter: deny_second'],
    ['{"deny_seconds":60,"x":1}', 'Unknown parameter: x'],
    ['[]', 'The request body must be a JSON object.'],
    ['null', 'The request body must be a JSON object.'],
    [' ', 'The request body is not valid JSON in UTF-8.'],
    ['deny_seconds=1', 'The request body is not valid JSON in UTF-8.'],
    [DEEP, 'The request body must be a JSON object.'],
  ])('%s is refused', (body, text) => {
    expect(refusalOf(() => parseUnsubscribe(Buffer.from(body)))).toBe(text);
  });
});

test('arbitrary bytes and JSON are parsed or refused with a RequestError, never anything else', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 100 }).map((array) => Buffer.from(array)),
    fc.json().map((text) => Buffer.from(text)),
    fc
      .record(
        {
          name: fc.jsonValue(),
          data: fc.jsonValue(),
          channel: fc.jsonValue(),
          channels: fc.jsonValue(),
          socket_id: fc.jsonValue(),
          info: fc.jsonValue(),
          batch: fc.jsonValue(),
        },
        { requiredKeys: [] },
      )
      .map((value) => Buffer.from(JSON.stringify({ ...value, batch: value.batch ?? [value] }))),
  );
  fc.assert(
    fc.property(bytes, (body) => {
      try {
        expect(parseUnsubscribe(body)).toBe(0);
      } catch (err) {
        expect(err).toBeInstanceOf(RequestError);
      }
      for (const parse of [() => [parseEvent(body)], () => parseBatch(body, 10)]) {
        try {
          for (const { name, data, channels } of parse()) {
            expect([typeof name, typeof data, channels.length > 0]).toEqual(['string', 'string', true]);
          }
        } catch (err) {
          expect(err).toBeInstanceOf(RequestError);
        }
      }
    }),
    { numRuns: 400 },
  );
});
