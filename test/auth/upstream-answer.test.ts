// What applications answer: the forms that are understood, and everything else, which is not.
import { describe, expect, it } from 'vitest';
import { readAnswer } from '../../src/auth/upstream-answer.ts';

const nobody = { claims: {}, userId: undefined, userInfo: undefined, watchlist: undefined, expiresAt: undefined };

describe('readAnswer', () => {
  it.each(['', ' \n', 'true', '{}'])('%j allows, and names nobody', (text) => {
    expect(readAnswer(text)).toEqual(nobody);
  });

  it('takes its own fields, which are claims as well', () => {
    const answer = { user_id: 7, user_info: { name: 'Ada' }, watchlist: ['8'], team: 'red' };
    expect(readAnswer(JSON.stringify(answer))).toEqual({
      claims: { user_id: '7', user_info: { name: 'Ada' }, watchlist: ['8'], team: 'red' },
      userId: '7',
      userInfo: { name: 'Ada' },
      watchlist: ['8'],
      expiresAt: undefined,
    });
  });

  it.each([
    ['as Laravel and the SDKs answer', '{"user_id":"7","user_info":{"name":"Ada"}}'],
    ['as Laravel’s Redis broadcaster answers', { user_id: 7, user_info: { name: 'Ada' } }],
  ])('takes channel_data, %s, and drops the application’s grant', (_, channel_data) => {
    const text = JSON.stringify({ auth: 'key:signature', shared_secret: 'x', channel_data });
    expect(readAnswer(text)).toMatchObject({
      claims: { user_id: '7' },
      userId: '7',
      userInfo: { name: 'Ada' },
      watchlist: undefined,
    });
  });

  it('takes user_data of a sign-in', () => {
    const user_data = '{"id":"7","user_info":{"name":"Ada"},"watchlist":["8"]}';
    expect(readAnswer(JSON.stringify({ auth: 'key:signature', user_data }))).toEqual({
      claims: { user_id: '7' },
      userId: '7',
      userInfo: { name: 'Ada' },
      watchlist: ['8'],
      expiresAt: undefined,
    });
  });

  it.each<[answer: object, expiresAt: number | undefined]>([
    [{ exp: 200 }, 200],
    [{ exp: 200.9 }, 200],
    [{ channel_data: '{"exp":300}' }, 300],
    [{ exp: 200, channel_data: '{"exp":300}' }, 200],
    [{ exp: 300, channel_data: { exp: 200 } }, 200],
    [{ exp: null, channel_data: { exp: null } }, undefined],
  ])('takes the earliest end of %j', (answer, expiresAt) => {
    expect(readAnswer(JSON.stringify(answer))?.expiresAt).toBe(expiresAt);
  });

  it('takes null for nothing', () => {
    const answer = { user_id: null, user_info: null, watchlist: null, channel_data: null, user_data: null };
    expect(readAnswer(JSON.stringify(answer))).toMatchObject({ userId: undefined, watchlist: undefined });
  });

  it.each([
    'false',
    'null',
    '7',
    '"ok"',
    '[]',
    '<html>log in</html>',
    '{',
    '{"user_id":""}',
    '{"user_id":true}',
    '{"user_id":["7"]}',
    '{"watchlist":"8"}',
    '{"exp":"1800000000"}',
    '{"exp":0}',
    '{"exp":-1}',
    '{"exp":1e999}',
    '{"channel_data":"{\\"exp\\":true}"}',
    '{"channel_data":"{"}',
    '{"channel_data":"7"}',
    '{"channel_data":7}',
    '{"channel_data":"{\\"user_id\\":true}"}',
    '{"user_data":"null"}',
    '{"user_data":{"id":{}}}',
    '{"user_data":{"id":"7","watchlist":8}}',
  ])('does not understand %s', (text) => expect(readAnswer(text)).toBeUndefined());
});
