// Kinds of channels by prefix, and the names channels and users may have.
import { describe, expect, test } from 'vitest';
import { channelKind, isChannelName, isUserId, serverToUserId } from '../../src/protocol/channel-name.ts';

describe('REC websocket §4.1: the prefix decides the kind, case-sensitive, the dash required', () => {
  // Columns: guarded, presence, cache, client events.
  test.each([
    ['news', '----'],
    ['private-x', 'g--c'],
    ['presence-x', 'gp-c'],
    ['private-encrypted-x', 'g--c'],
    ['cache-x', '--k-'],
    ['private-cache-x', 'g-kc'],
    ['private-encrypted-cache-x', 'g-kc'],
    ['presence-cache-x', 'gpkc'],
    ['#server-to-user-7', '----'],
    // The dash.
    ['private', '----'],
    ['privateer', '----'],
    ['presence', '----'],
    ['presences-x', '----'],
    ['cached', '----'],
    ['cache', '----'],
    ['private-cached', 'g--c'],
    ['private-encrypted-cached', 'g--c'],
    ['presence-cached', 'gp-c'],
    ['private-', 'g--c'],
    // The case.
    ['Private-x', '----'],
    ['PRESENCE-x', '----'],
    ['Cache-x', '----'],
    ['private-Cache-x', 'g--c'],
    // The beginning, and nothing else.
    ['x-private-y', '----'],
    ['my-cache-x', '----'],
    ['private-x-cache-y', 'g--c'],
    ['presence-x-cache-y', 'gp-c'],
    ['cache-private-x', '--k-'],
    ['cache-presence-x', '--k-'],
    // There is no such kind: encrypted presence channels are presence channels.
    ['presence-encrypted-x', 'gp-c'],
    ['encrypted-x', '----'],
  ])('%s is %s', (name, flags) => {
    const { guarded, presence, cache, clientEvents } = channelKind(name);
    const found = [guarded && 'g', presence && 'p', cache && 'k', clientEvents && 'c'].map((flag) => flag || '-');
    expect(found.join('')).toBe(flags);
  });
});

const allowed = [
  'a',
  'App.Models.User.1',
  'private-App.Models.User.1',
  'A-Za-z0-9_-=@,.;',
  '-',
  '#server-to-user-7',
  '#server-to-user-A_-=@,.;z',
];
const printable = ['with space', 'a:b', 'a/b', 'a#b', 'a+b', 'a*b', 'zwölf', '日本語', '🎺', 'a!', '"', '\\'];
const never = [
  '',
  '#',
  '#news',
  '#server-to-user-',
  '#server-to-user',
  '#Server-to-user-7',
  '#server-to-user-a b',
  '##server-to-user-7',
  'line\n',
  '\nline',
  'a\nb',
  'tab\t',
  'nul\0',
  'del\x7f',
  'c1\x85',
  'lone\ud800',
];

describe('REC limits §1: channel names hold A-Za-z0-9_-=@,.; and a leading # only for #server-to-user-', () => {
  test.each(allowed)('%j is allowed', (name) => expect(isChannelName(name, false)).toBe(true));
  test.each([...printable, ...never])('%j is not', (name) => expect(isChannelName(name, false)).toBe(false));
});

describe('REC limits §4: one switch allows any printable character', () => {
  test.each([...allowed, ...printable])('%j is allowed with it', (name) =>
    expect(isChannelName(name, true)).toBe(true),
  );
  test.each(never)('%j is not even with it', (name) => expect(isChannelName(name, true)).toBe(false));
});

describe('a user’s own channel', () => {
  test.each([
    ['#server-to-user-7', '7'],
    ['#server-to-user-', ''],
    ['#server-to-user-#server-to-user-7', '#server-to-user-7'],
    ['server-to-user-7', undefined],
    ['#server-to-use', undefined],
    ['news', undefined],
  ])('%s belongs to %j', (name, id) => expect(serverToUserId(name)).toBe(id));
});

describe('REC limits §1: ids of signed-in users have the channel names’ characters', () => {
  test.each(['7', 'a_-=@,.;Z', '__proto__'])('%j', (id) => expect(isUserId(id)).toBe(true));
  test.each(['', ' ', 'a b', '#7', 'ü', '7\n'])('not %j', (id) => expect(isUserId(id)).toBe(false));
});
