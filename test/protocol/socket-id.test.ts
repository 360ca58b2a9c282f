// Socket ids: two decimal integers joined by a dot, which all server SDKs check.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isSocketId, makeSocketId, SOCKET_ID_BYTES } from '../../src/protocol/socket-id.ts';

test.each([
  ['0000000000000000', '0.0'],
  ['0000000100000002', '1.2'],
  ['ffffffffffffffff', '4294967295.4294967295'],
  ['000004d2000004d2', '1234.1234'],
])('%s makes %s', (hex, id) => {
  expect(makeSocketId(Buffer.from(hex, 'hex'))).toBe(id);
});

test('eight random bytes are 64 bits of id', () => {
  expect(SOCKET_ID_BYTES).toBe(8);
});

test('an id of any bytes has the form, and no two bytes give the same', () => {
  const bytes = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((array) => Buffer.from(array));
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      expect(makeSocketId(a)).toMatch(/^\d+\.\d+$/);
      expect(isSocketId(makeSocketId(a))).toBe(true);
      expect(makeSocketId(a) === makeSocketId(b)).toBe(a.equals(b));
    }),
  );
});

describe('what is no socket id', () => {
  test.each([
    '',
    '.',
    '1',
    '1.',
    '.1',
    '1.2.3',
    '1.2\n',
    '\n1.2',
    ' 1.2',
    '1.2 ',
    '-1.2',
    '1,2',
    '1.a',
    '１.２',
    '1.2:x',
  ])('%j', (text) => expect(isSocketId(text)).toBe(false));
});
