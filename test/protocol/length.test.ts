import { expect, test } from 'vitest';
import { hasMoreCharacters } from '../../src/protocol/length.ts';

test.each([
  ['', 0, false],
  ['abc', 3, false],
  ['abcd', 3, true],
  ['äöü', 3, false],
  ['🎺🎺🎺', 3, false],
  ['🎺🎺🎺🎺', 3, true],
])('REC limits §4: %j has more than %d characters: %s', (text, limit, expected) => {
  expect(hasMoreCharacters(text, limit)).toBe(expected);
});
