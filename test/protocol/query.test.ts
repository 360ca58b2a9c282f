// Query strings as the signature sees them.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Query } from '../../src/protocol/query.ts';

describe('REC auth §4.3: keys and values are percent-decoded once, + is a space, the first of duplicates stays', () => {
  test.each([
    ['', 'a', undefined],
    ['a=1', 'a', '1'],
    ['a=1', 'b', undefined],
    ['a', 'a', ''],
    ['a=', 'a', ''],
    ['a=1=2', 'a', '1=2'],
    ['a=1&a=2', 'a', '1'],
    ['a=&a=2', 'a', ''],
    ['a=%2C', 'a', ','],
    ['a=1,2', 'a', '1,2'],
    ['a=%252C', 'a', '%2C'],
    ['a=x+y', 'a', 'x y'],
    ['a=x%2By', 'a', 'x+y'],
    ['a=x%20y', 'a', 'x y'],
    ['%61=1', 'a', '1'],
    ['a+b=1', 'a b', '1'],
    ['a=%C3%A9', 'a', 'é'],
    ['a=é', 'a', 'é'],
    ['&&a=1&', 'a', '1'],
    ['=1', '', '1'],
    ['A=1', 'a', '1'],
    ['a=1&A=2', 'a', '1'],
    ['A=1', 'A', undefined],
    ['a=%', 'a', '%'],
    ['a=%zz', 'a', '%zz'],
    ['a=%ff', 'a', '%ff'],
    ['__proto__=1', '__proto__', '1'],
    ['a=1', '__proto__', undefined],
    ['a=1', 'constructor', undefined],
    ['a[]=1&a[]=2', 'a', '1,2'],
    ['a[0]=1&a[1]=2', 'a', '1,2'],
    ['a%5B%5D=1&a%5B%5D=2', 'a', '1,2'],
    ['a[b]=1', 'a', undefined],
    ['a[b]=1', 'a[b]', '1'],
  ])('%j: %s is %j', (raw, name, value) => {
    expect(new Query(raw).get(name)).toBe(value);
  });
});

describe('the texts a sender may have signed, likeliest first', () => {
  test.each<[what: string, raw: string, texts: string[]]>([
    ['nothing', '', ['']],
    ['sorted by key, without the signature', 'b=2&auth_signature=f&a=1', ['a=1&b=2']],
    ['keys lower-cased, the signature’s too', 'B=2&A=1&AUTH_SIGNATURE=f', ['a=1&b=2']],
    ['byte order: digits, underscore, letters', 'ab=1&a_=2&a1=3', ['a1=3&a_=2&ab=1']],
    ['decoded first, then as sent', 'info=a%2Cb&x=1', ['info=a,b&x=1', 'info=a%2Cb&x=1']],
    ['a key without value', 'a&b=1', ['a=&b=1']],
    [
      'arrays: each value, then joined, then with brackets',
      'k[]=b&k[]=a&a=1',
      ['a=1&k=b&k=a', 'a=1&k=b,a', 'a=1&k[]=b&k[]=a'],
    ],
  ])('%s', (_, raw, texts) => {
    expect([...new Query(raw).signedTexts()]).toEqual(texts);
  });
});

test('get agrees with URLSearchParams on first values, whatever the pairs', () => {
  // Names in brackets are arrays here, and capitals are lowered.
  const text = fc.string({ unit: 'grapheme', maxLength: 6 });
  const names = fc
    .oneof(fc.constantFrom('a', 'b', 'auth_key', '__proto__'), text)
    .filter((name) => !/\[\d*\]$/.test(name) && name === name.toLowerCase());
  const pairs = fc.array(fc.tuple(names, fc.oneof(text, fc.constantFrom('&', '=', '+', '%', '%41', ' '))), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(pairs, (list) => {
      const raw = new URLSearchParams(list).toString();
      const query = new Query(raw);
      const standard = new URLSearchParams(raw);
      for (const [name] of list) expect(query.get(name)).toBe(standard.get(name));
    }),
    { numRuns: 300 },
  );
});

test('any text is a query, and never an exception', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (raw) => {
      const query = new Query(raw);
      expect(() => query.get('a')).not.toThrow();
      for (const signed of query.signedTexts()) expect(typeof signed).toBe('string');
    }),
  );
});
