// WebSocket text frames: the header's three forms, and that any text comes back.
import type { Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as ws from 'ws';
import { isTextFrame, textFrame } from '../../src/protocol/frame.ts';
import { textOf } from './support/frames.ts';

describe('the header has the shortest form the length allows (RFC 6455 §5.2)', () => {
  test.each([
    [0, '8100'],
    [1, '8101'],
    [125, '817d'],
    [126, '817e007e'],
    [127, '817e007f'],
    [255, '817e00ff'],
    [256, '817e0100'],
    [65_535, '817effff'],
    [65_536, '817f0000000000010000'],
    [70_000, '817f0000000000011170'],
  ])('%i bytes', (length, header) => {
    const expected = Buffer.concat([Buffer.from(header, 'hex'), Buffer.alloc(length, 'a')]);
    expect(textFrame('a'.repeat(length)).equals(expected)).toBe(true);
  });
});

describe('the length is counted in bytes of UTF-8, not in characters', () => {
  test.each([
    ['two bytes', 'é', '8102c3a9'],
    ['three bytes', '€', '8103e282ac'],
    ['four bytes, two UTF-16 units', '🎺', '8104f09f8eba'],
    ['a byte order mark is text', '\ufeffa', '8104efbbbf61'],
    ['63 two-byte characters pass into the second form', 'é'.repeat(63), `817e007e${'c3a9'.repeat(63)}`],
    ['a lone surrogate becomes U+FFFD, as UTF-8 has none', 'a\ud800', '810461efbfbd'],
  ])('%s', (_, text, hex) => {
    expect(textFrame(text).toString('hex')).toBe(hex);
  });

  test('32 768 two-byte characters pass into the third form', () => {
    const frame = textFrame('é'.repeat(32_768));
    expect(frame.subarray(0, 12).toString('hex')).toBe('817f0000000000010000c3a9');
    expect(frame.length).toBe(65_546);
  });
});

const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.tuple(fc.string({ unit: 'binary', maxLength: 3 }), fc.integer({ min: 0, max: 70_000 })).map(([unit, count]) => {
    return unit.repeat(Math.floor(count / Math.max(1, unit.length)));
  }),
);

test('any text comes back from the frame through a reader of its own', () => {
  fc.assert(fc.property(texts, (text) => textOf(textFrame(text)) === text));
});

// Exported by ws, but not by its types.
const { Receiver } = ws as unknown as {
  Receiver: new (options: { isServer: boolean; skipUTF8Validation: boolean }) => Writable;
};

test('any text comes back from the frame through the receiver of ws, which checks RFC 6455', async () => {
  const received: string[] = [];
  const receiver = new Receiver({ isServer: false, skipUTF8Validation: false });
  receiver.on('message', (data: Buffer, isBinary: boolean) => received.push(isBinary ? 'binary' : data.toString()));
  const sent = fc.sample(texts, { numRuns: 100, seed: 1 });
  await new Promise<void>((resolve, reject) => {
    receiver.on('error', reject);
    receiver.on('finish', resolve);
    for (const text of sent) receiver.write(textFrame(text));
    receiver.end();
  });
  expect(received).toEqual(sent);
});

test.each([0, 1, 125, 126, 65_535, 65_536, 70_000])(
  'of %i bytes is known as a whole frame, and only whole',
  (length) => {
    const frame = textFrame('x'.repeat(length));
    expect(isTextFrame(frame)).toBe(true);
    expect(isTextFrame(frame.subarray(0, -1))).toBe(false);
    expect(isTextFrame(Buffer.concat([frame, Buffer.from('x')]))).toBe(false);
  },
);
