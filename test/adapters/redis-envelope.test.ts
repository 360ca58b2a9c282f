// What nodes send each other through Redis: bytes that are checked, and signed where there is a secret.
import { describe, expect, test } from 'vitest';
import { Envelope } from '../../src/adapters/redis/envelope.ts';
import type { BrokerMessage } from '../../src/core/ports.ts';
import { textFrame } from '../../src/protocol/frame.ts';

const TOPIC = 'app/c/room';
const plain = new Envelope(undefined);
const signing = new Envelope('a secret of the cluster');
const hello = textFrame('hello');
const bytesOf = (header: string, body: Buffer | string = '') => Buffer.concat([header, '\n', body].map(toBytes));

function toBytes(part: Buffer | string): Buffer {
  return typeof part === 'string' ? Buffer.from(part) : part;
}

const messages: [header: string, body: Buffer | string, message: BrokerMessage][] = [
  ['frame', hello, { type: 'frame', frame: hello }],
  ['frame', textFrame(''), { type: 'frame', frame: textFrame('') }],
  ['frame 12.34', textFrame('line\nbreak'), { type: 'frame', frame: textFrame('line\nbreak'), except: '12.34' }],
  ['terminate', '', { type: 'terminate' }],
  ['unsubscribe', 'presence-ü', { type: 'unsubscribe', channel: 'presence-ü' }],
];

describe('envelope', () => {
  test.each(messages)('%s %j is what it says', (header, body, message) => {
    expect(plain.encode(TOPIC, message)).toEqual(bytesOf(header, body));
    expect(plain.decode(TOPIC, bytesOf(header, body))).toEqual(message);
  });

  test.each([0, 1, 125, 126, 65_535, 65_536, 100_000])('a frame of %i bytes stays whole', (length) => {
    const message = { type: 'frame', frame: textFrame('x'.repeat(length)) } as const;
    expect(plain.decode(TOPIC, plain.encode(TOPIC, message))).toEqual(message);
  });

  test('what the scripts announce has the number of its change', () => {
    const announced = { type: 'frame', frame: hello, except: '12.34', change: 1763693222123456 };
    expect(plain.decode(TOPIC, bytesOf('change 1763693222123456 12.34', hello))).toEqual(announced);
  });

  test.each(['change 1', 'change x 1.2', 'change 1 ', 'change 1 2 3', 'change 12345678901234567 1.2'])(
    '%j is no change',
    (header) => {
      expect(plain.decode(TOPIC, bytesOf(header, hello))).toBe(undefined);
    },
  );

  test.each(['', 'frames', 'FRAME', ' frame', 'terminate ', '{}', 'unsubscribe x', `frame ${'x'.repeat(1000)}`])(
    '%j heads no message',
    (header) => {
      expect(plain.decode(TOPIC, bytesOf(header, hello))).toBe(undefined);
    },
  );

  test.each(['', 'frame', 'terminate', 'unsubscribe', 'unsubscribe\n', 'terminate\nx'])('%j is no message', (text) => {
    expect(plain.decode(TOPIC, Buffer.from(text))).toBe(undefined);
  });

  test('takes no bytes that are not UTF-8 for a channel', () => {
    expect(plain.decode(TOPIC, bytesOf('unsubscribe', Buffer.from([0xc3])))).toBe(undefined);
  });

  test.each([
    ['nothing', ''],
    ['text', 'hello'],
    ['a frame that is cut off', hello.subarray(0, -1)],
    ['more than a frame', Buffer.concat([hello, hello])],
    ['a frame that is no text', Buffer.concat([Buffer.from([0x82]), hello.subarray(1)])],
    ['a close frame', Buffer.from([0x88, 0x00])],
    ['a masked frame', Buffer.concat([Buffer.from([0x81, 0x85, 0, 0, 0, 0]), hello.subarray(2)])],
    ['a length in more bytes than it needs', Buffer.concat([Buffer.from([0x81, 126, 0, 5]), hello.subarray(2)])],
    ['a length that is not there', Buffer.from([0x81, 126, 0])],
    ['a long length that is not there', Buffer.from([0x81, 127, 0, 0, 0, 0, 0, 1, 0])],
  ])('takes %s for no frame: sockets would break on it', (_, body) => {
    expect(plain.decode(TOPIC, bytesOf('frame', body))).toBe(undefined);
  });
});

describe('envelope with a secret', () => {
  test.each(messages)('%s %j arrives where the secret is the same', (_, __, message) => {
    expect(signing.decode(TOPIC, signing.encode(TOPIC, message))).toEqual(message);
    expect(new Envelope('another').decode(TOPIC, signing.encode(TOPIC, message))).toBe(undefined);
    expect(signing.decode(TOPIC, plain.encode(TOPIC, message))).toBe(undefined);
  });

  test('what the scripts announce arrives as well, for its socket only', () => {
    const body = signing.announcement(TOPIC, '12.34', hello);
    const announced = { type: 'frame', frame: hello, except: '12.34', change: 5 };
    expect(signing.decode(TOPIC, bytesOf('change 5 12.34', body))).toEqual(announced);
    expect(signing.decode(TOPIC, bytesOf('change 5 12.35', body))).toBe(undefined);
    expect(signing.decode(TOPIC, bytesOf('change 5 12.34', hello))).toBe(undefined);
    expect(plain.announcement(TOPIC, '12.34', hello)).toBe(hello);
  });

  test('a message is of its topic, its header and its bytes, and of no other', () => {
    const bytes = signing.encode(TOPIC, { type: 'frame', frame: hello, except: '12.34' });
    expect(signing.decode('app/c/other', bytes)).toBe(undefined);
    const text = bytes.toString('latin1');
    for (const forged of [
      text.replace('12.34', '12.35'),
      text.replace('hello', 'hullo'),
      text.replace('frame', 'change 1'),
    ]) {
      expect(signing.decode(TOPIC, Buffer.from(forged, 'latin1'))).toBe(undefined);
    }
  });
});
