// dotenv files, read as Laravel reads them.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references are what is tested.
import { describe, expect, it } from 'vitest';
import { parseEnvFile } from '../../src/config/env-file.ts';

const value = (text: string, env = {}) => parseEnvFile(text, env).entries.get('A')?.value;

describe('an env file', () => {
  it.each([
    ['A=plain', 'plain'],
    ['  export A = spaced out  ', 'spaced out'],
    ['A=', ''],
    ['A', undefined],
    ['A=x # comment', 'x'],
    ['A="x # y" # comment', 'x # y'],
    ["A='x # y'", 'x # y'],
    ['A="say \\"hi\\"\\n"', 'say "hi"\n'],
    ["A='say \\n'", 'say \\n'],
    ['A="two\nlines"', 'two\nlines'],
    ['A=a=b==', 'a=b=='],
    ['A=x\r\nB=y', 'x'],
    ['\uFEFFA=x', 'x'],
    ['A=1\nA=2', '2'],
  ])('reads %j', (text, expected) => {
    expect(value(text) || undefined).toBe(expected || undefined);
  });

  it.each([
    ['B=1\nA=${B}/2', '1/2'],
    ['B=1\nA="${B}/2"', '1/2'],
    ["B=1\nA='${B}/2'", '${B}/2'],
    ['B=1\nA="\\${B}"', '${B}'],
    ['A=${LATER}\nLATER=1', '${LATER}'],
    ['A=$B', '$B'],
  ])('puts earlier values into %j', (text, expected) => {
    expect(value(text)).toBe(expected);
  });

  it('lets a variable of the process win in a reference', () => {
    expect(value('B=1\nA=${B}', { B: '9' })).toBe('9');
  });

  it('knows the lines, also after a value of several lines, and those it does not understand', () => {
    const { entries, badLines } = parseEnvFile('# c\n\nX="1\n2"\nA=1\nwhat is this\nB="open\n', {});
    expect(entries.get('A')?.line).toBe(5);
    expect(badLines).toEqual([6, 7]);
  });

  it('is quick on a long line of backslashes', () => {
    expect(parseEnvFile(`A="${'\\'.repeat(100_001)}`, {}).badLines).toEqual([1]);
  });

  it('does not touch prototypes', () => {
    expect(parseEnvFile('__proto__=1\nA=${constructor}', {}).entries.get('A')?.value).toBe('${constructor}');
  });
});
