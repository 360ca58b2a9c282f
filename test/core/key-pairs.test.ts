// The key pairs of an app: which are good when, and what they sign.
import { describe, expect, test } from 'vitest';
import { endOfKey, isSignedBy, keysOf, pairOf, pairsOf } from '../../src/core/key-pairs.ts';
import { makeApp, token } from './support/harness.ts';

const END = '2026-03-01T12:00:00+02:00';
const endMs = Date.UTC(2026, 2, 1, 10);
const app = makeApp({
  keys: [
    { key: 'further', secret: 'secret-2' },
    { key: 'ending', secret: 'secret-3', notAfter: END },
  ],
});
const names = (nowMs: number) => pairsOf(app, nowMs).map(({ key, secret }) => `${key} ${secret}`);

test('the current pair is the first, then the others in their order, each until its end and at it', () => {
  expect(names(endMs)).toEqual(['key secret', 'further secret-2', 'ending secret-3']);
  expect(names(endMs + 1)).toEqual(['key secret', 'further secret-2']);
});

test('an app without further pairs has the current one', () => {
  const plain = makeApp();
  expect(pairsOf(plain, 0)).toEqual([plain]);
  expect(keysOf(plain)).toEqual(['key']);
});

test('a pair is found by its key while it is good', () => {
  expect(pairOf(app, 'key', endMs)).toBe(app);
  expect(pairOf(app, 'ending', endMs)).toMatchObject({ secret: 'secret-3' });
  expect(pairOf(app, 'ending', endMs + 1)).toBe(undefined);
  expect(pairOf(app, 'other', endMs)).toBe(undefined);
});

test('the end of a key is known once it is past', () => {
  expect(endOfKey(app, 'ending', endMs)).toBe(undefined);
  expect(endOfKey(app, 'ending', endMs + 1)).toBe(END);
  for (const key of ['key', 'further', 'other']) expect(endOfKey(app, key, endMs + 1)).toBe(undefined);
});

test('all keys are listed, good or not', () => {
  expect(keysOf(app)).toEqual(['key', 'further', 'ending']);
});

describe('a token is taken', () => {
  const further = { key: 'further', secret: 'secret-2' };
  const ending = { key: 'ending', secret: 'secret-3' };
  test.each<[what: string, pair: { key: string; secret: string }, nowMs: number, taken: boolean]>([
    ['of the current pair', { key: 'key', secret: 'secret' }, endMs + 1, true],
    ['of a further pair', further, endMs + 1, true],
    ['of a pair that ends now', ending, endMs, true],
    ['and not of a pair that has ended', ending, endMs + 1, false],
    ['and not with the key of one pair and the secret of another', { key: 'further', secret: 'secret' }, endMs, false],
    ['and not of an unknown pair', { key: 'other', secret: 'secret' }, endMs, false],
  ])('%s', (_, pair, nowMs, taken) => {
    expect(isSignedBy(app, token('text', pair), 'text', nowMs)).toBe(taken);
    expect(isSignedBy(app, token('another text', pair), 'text', nowMs)).toBe(false);
  });
});

test.each(['2026-03-01', 'tomorrow', '2026-03-01T12:00:00', '2026-02-30T12:00:00Z', 1_700_000_000])(
  'notAfter is not %j: a moment needs its offset',
  (notAfter) => {
    expect(() => makeApp({ keys: [{ key: 'k', secret: 's', notAfter: notAfter as string }] })).toThrow();
  },
);
