// Whatever a client sends, the parser answers with a message or a ProtocolError.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseClientMessage } from '../../src/protocol/client-message.ts';
import { ProtocolError } from '../../src/protocol/errors.ts';

const TYPES = ['ping', 'pong', 'subscribe', 'unsubscribe', 'signin', 'client-event', 'ignored'];

function check(text: string): void {
  try {
    expect(TYPES).toContain(parseClientMessage(text).type);
  } catch (err) {
    expect(err).toBeInstanceOf(ProtocolError);
    expect(err).toMatchObject({ code: 4200, fatal: false });
  }
}

/** Objects whose keys are often those the parser looks for. */
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom('pusher:subscribe', 'pusher:signin', 'pusher:unsubscribe', 'client-a', 'pusher:x', '{}', ''),
    fc.jsonValue({ maxDepth: 1 }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(
      fc.constantFrom('event', 'channel', 'data', 'auth', 'channel_data', 'user_data', '__proto__', 'constructor'),
      tie('value'),
      { maxKeys: 6 },
    ),
    tie('value').map((value) => JSON.stringify(value)),
  ),
})).value;

test('arbitrary strings are a message or a ProtocolError, never anything else', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), check), { numRuns: 300 });
});

test('arbitrary JSON is a message or a ProtocolError, never anything else', () => {
  fc.assert(fc.property(fc.json(), check), { numRuns: 300 });
});

test('JSON of the shape of messages is a message or a ProtocolError, never anything else', () => {
  const message = fc.record(
    {
      event: fc.oneof(
        fc.constantFrom('pusher:subscribe', 'pusher:signin', 'pusher:unsubscribe', 'client-a', 'x'),
        json,
      ),
      channel: json,
      data: json,
    },
    { requiredKeys: ['event'] },
  );
  fc.assert(
    fc.property(message, (value) => check(JSON.stringify(value))),
    { numRuns: 400 },
  );
});

test('client event data that is a string is relayed as it is, and other JSON as JSON of the same value', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()), (data) => {
      const message = parseClientMessage(JSON.stringify({ event: 'client-a', channel: 'private-x', data }));
      if (message.type !== 'client-event') throw new Error(message.type);
      const expected = typeof data === 'string' ? data : JSON.parse(JSON.stringify(data));
      expect(typeof data === 'string' ? message.data : JSON.parse(message.data)).toEqual(expected);
    }),
  );
});
