// Claims by name and by path, and the user they make.
import { describe, expect, it } from 'vitest';
import { claimAt, textOf, userOf } from '../../src/auth/claims.ts';

const mapping = { userId: 'sub', userInfo: {}, watchlist: undefined };

describe('claimAt', () => {
  it.each<[string, unknown]>([
    ['sub', '7'],
    ['realm_access.roles', ['teacher']],
    ['a.b', 'the name itself'],
    ['https://example.com/team', 'red'],
    ['realm_access.nothing', undefined],
    ['sub.length', undefined],
    ['nothing', undefined],
    ['nothing.at.all', undefined],
    ['toString', undefined],
    ['__proto__', undefined],
    ['realm_access.__proto__', undefined],
    ['realm_access.roles.length', undefined],
    ['realm_access.roles.0', undefined],
  ])('%s', (name, value) => {
    const claims = {
      sub: '7',
      realm_access: { roles: ['teacher'] },
      'a.b': 'the name itself',
      a: { b: 'the path' },
      'https://example.com/team': 'red',
    };
    expect(claimAt(claims, name)).toEqual(value);
  });
});

describe('textOf', () => {
  it.each<[unknown, string | undefined]>([
    ['7', '7'],
    [7, '7'],
    [0, '0'],
    [1.5, '1.5'],
    ['', undefined],
    [Number.NaN, undefined],
    [Number.POSITIVE_INFINITY, undefined],
    [true, undefined],
    [null, undefined],
    [undefined, undefined],
    [['7'], undefined],
    [{ id: '7' }, undefined],
  ])('of %j is %j', (value, text) => expect(textOf(value)).toBe(text));
});

describe('userOf', () => {
  it('takes the id as text from the configured claim', () => {
    expect(userOf({ sub: 7 }, mapping).id).toBe('7');
    expect(userOf({ sub: '7', uid: 'u1' }, { ...mapping, userId: 'uid' }).id).toBe('u1');
    expect(userOf({ user: { id: 9 } }, { ...mapping, userId: 'user.id' }).id).toBe('9');
  });

  it.each([{}, { sub: '' }, { sub: null }, { sub: ['7'] }, { sub: { id: '7' } }, { sub: true }])(
    'knows no id in %j',
    (claims) => expect(userOf(claims, mapping).id).toBeUndefined(),
  );

  it('maps claims to user_info, and leaves out those that are missing', () => {
    const userInfo = { name: 'name', avatar: 'picture', role: 'app.role' };
    const claims = { sub: '7', name: 'Ada', app: { role: null }, secret: 'not mapped' };
    expect(userOf(claims, { ...mapping, userInfo }).info).toEqual({ name: 'Ada', role: null });
  });

  it('gives no user_info where none is mapped', () => {
    expect(userOf({ sub: '7', name: 'Ada' }, mapping).info).toBeUndefined();
  });

  it('takes a watchlist that is a list, and nothing else', () => {
    const watching = { ...mapping, watchlist: 'friends' };
    expect(userOf({ friends: ['8', 9] }, watching).watchlist).toEqual(['8', 9]);
    expect(userOf({ friends: '8,9' }, watching).watchlist).toBeUndefined();
    expect(userOf({ friends: ['8'] }, mapping).watchlist).toBeUndefined();
  });
});
