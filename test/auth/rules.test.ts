// The rules: the first that fits the channel's name decides, and every doubt is a no.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, fitsName } from '../../src/auth/rules.ts';
import type { Rule } from '../../src/core/app-auth.ts';

const rules: readonly Rule[] = [
  { channel: 'private-user.{sub}' },
  { channel: 'presence-conversation.{conversations}.calls', allow: 'upstream' },
  { channel: 'presence-conversation.{conversations}' },
  { channel: 'private-encrypted-team.{team}' },
  { channel: 'private-role.{realm_access.roles}.{team}' },
  { channel: 'presence-lobby', allow: 'authenticated' },
  { channel: 'private-orders.*', allow: 'upstream' },
];
const ada = { sub: '7', conversations: ['1', 22, 'a.b'], team: 'red', realm_access: { roles: ['teacher', 'admin'] } };

describe('decide', () => {
  it.each<[channel: string, allow: string, rule: number]>([
    ['private-user.7', 'authenticated', 0],
    ['presence-conversation.1', 'authenticated', 2],
    ['presence-conversation.22', 'authenticated', 2],
    ['presence-conversation.a.b', 'authenticated', 2],
    ['presence-conversation.1.calls', 'upstream', 1],
    ['private-encrypted-team.red', 'authenticated', 3],
    ['private-role.teacher.red', 'authenticated', 4],
    ['private-role.admin.red', 'authenticated', 4],
    ['presence-lobby', 'authenticated', 5],
    ['private-orders.', 'upstream', 6],
    ['private-orders.9.lines', 'upstream', 6],
  ])('%s: %s, by rule %i', (channel, allow, rule) => {
    expect(decide(rules, channel, ada)).toMatchObject({ allow, rule });
  });

  it.each<[channel: string, rule: number | undefined, because: string]>([
    ['private-user.8', 0, 'the claim sub is "7"'],
    ['private-user.', undefined, 'no rule fits its name'],
    ['private-user.77', 0, 'the claim sub is "7"'],
    ['presence-conversation.2', 2, 'the claim conversations is "1", "22", "a.b"'],
    ['presence-conversation.9.calls', 1, 'the claim conversations is "1", "22", "a.b"'],
    ['private-encrypted-team.blue', 3, 'the claim team is "red"'],
    ['private-role.teacher.blue', 4, 'the claim realm_access.roles is "teacher", "admin", the claim team is "red"'],
    ['presence-lobby2', undefined, 'no rule fits its name'],
    ['Presence-lobby', undefined, 'no rule fits its name'],
    ['xpresence-lobby', undefined, 'no rule fits its name'],
    ['news', undefined, 'no rule fits its name'],
    ['', undefined, 'no rule fits its name'],
  ])('%s: refused, by rule %s, as %s', (channel, rule, because) => {
    expect(decide(rules, channel, ada)).toEqual({ allow: undefined, rule, because });
  });

  it('does not ask later rules once one fits the name', () => {
    const wide: readonly Rule[] = [{ channel: 'private-user.{sub}' }, { channel: 'private-*', allow: 'authenticated' }];
    expect(decide(wide, 'private-user.8', { sub: '7' }).allow).toBeUndefined();
    expect(decide(wide, 'private-news', { sub: '7' }).allow).toBe('authenticated');
  });

  it.each([{}, { sub: '' }, { sub: null }, { sub: true }, { sub: {} }, { sub: [] }, { sub: [''] }, { sub: [[7]] }])(
    'refuses where the claim is %j',
    (claims) => {
      for (const channel of ['private-user.', 'private-user.7', 'private-user.true', 'private-user.undefined']) {
        expect(decide(rules, channel, claims).allow).toBeUndefined();
      }
    },
  );

  it('compares text, not numbers or patterns', () => {
    for (const sub of ['07', '7.0', '.', '.*', '[7]', '*', '{sub}']) {
      expect(decide(rules, 'private-user.7', { sub }).allow).toBeUndefined();
    }
    expect(decide(rules, 'private-user.*', { sub: '*' }).allow).toBe('authenticated');
  });

  it('names how many values there are, not all', () => {
    const conversations = Array.from({ length: 50 }, (_, index) => index);
    const { because } = decide(rules, 'presence-conversation.99', { conversations });
    expect(because).toBe('the claim conversations is "0", "1", "2" and 47 more');
  });

  it('refuses everything without rules', () => {
    expect(decide([], 'private-user.7', ada)).toEqual({
      allow: undefined,
      rule: undefined,
      because: 'no rule fits its name',
    });
  });

  it('allows exactly the names that the claim’s values make', () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '.', '-'), maxLength: 6 });
    const values = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '.', '-'), minLength: 1, maxLength: 4 }));
    fc.assert(
      fc.property(name, name, values, values, (between, after, first, second) => {
        const rule: Rule = { channel: `private-{x}${between}{y}${after}` };
        const made = new Set(first.flatMap((x) => second.map((y) => `private-${x}${between}${y}${after}`)));
        for (const channel of [...made, 'private-a', 'private-', `private-a${between}b${after}`]) {
          expect(decide([rule], channel, { x: first, y: second }).allow !== undefined).toBe(made.has(channel));
        }
      }),
    );
  });

  it('is quick for patterns and names made to be slow', () => {
    const rule: Rule = { channel: `*${'a*'.repeat(50)}{x}${'{x}'.repeat(20)}b` };
    expect(decide([rule], `${'a'.repeat(200)}`, { x: ['a', 'aa', 'aaa'] }).allow).toBeUndefined();
  });
});

describe('fitsName', () => {
  it.each<[pattern: string, name: string, fits: boolean]>([
    ['private-user.{sub}', 'private-user.7', true],
    ['private-user.{sub}', 'private-user.7.8', true],
    ['private-user.{sub}', 'private-user.', false],
    ['private-{a}-{b}', 'private-x-y', true],
    ['private-{a}-{b}', 'private-x', false],
    ['*', '', true],
    ['*', 'anything', true],
    ['private-*.x', 'private-.x', true],
    ['private-*.x', 'private-a.x.x', true],
    ['private-*.x', 'private-a.y', false],
    ['private-a+', 'private-aa', false],
    ['private-a.b', 'private-aXb', false],
  ])('%s and %s: %s', (channel, name, fits) => expect(fitsName({ channel }, name)).toBe(fits));
});
