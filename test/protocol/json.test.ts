// JSON from and to strangers never throws.
import { expect, test } from 'vitest';
import { readJson, writeJson } from '../../src/protocol/json.ts';

const deep = '['.repeat(100_000) + ']'.repeat(100_000);

test.each(['', '{', '{"a":}', 'undefined', 'NaN', "{'a':1}", '\ufeff{}', '[1,]', '{"a":1}x'])(
  '%j is not JSON, hence undefined',
  (text) => {
    expect(readJson(text)).toBe(undefined);
  },
);

test.each([
  ['null', null],
  ['0', 0],
  [' "a" ', 'a'],
  ['{"a":[1]}', { a: [1] }],
])('%s is read', (text, value) => {
  expect(readJson(text)).toEqual(value);
});

test('a __proto__ key is data, and changes no prototype', () => {
  const value = readJson('{"__proto__":{"admin":true}}') as { admin?: boolean };
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(value.admin).toBe(undefined);
  expect(writeJson(value)).toBe('{"__proto__":{"admin":true}}');
});

test('a value too deep to be written is undefined, not an exception', () => {
  const value = readJson(deep);
  expect(value).toBeDefined();
  expect(writeJson(value)).toBe(undefined);
});
