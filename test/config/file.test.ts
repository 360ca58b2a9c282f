// YAML files: places, syntax errors, and what must not get through.
import { describe, expect, it } from 'vitest';
import { parseConfigFile } from '../../src/config/file.ts';

describe('a configuration file', () => {
  it('knows where each key is', () => {
    const { tree, sourceOf } = parseConfigFile(
      'f.yaml',
      'port: 1\napps:\n  - id: a\n    limits:\n      connections: 2\n',
    );
    expect(tree).toEqual({ port: 1, apps: [{ id: 'a', limits: { connections: 2 } }] });
    expect(sourceOf(['apps', 0, 'limits', 'connections']).where).toBe('f.yaml:5:7');
    expect(sourceOf(['apps', 0, 'limits', 'nowhere']).where).toBe('f.yaml:4:5');
    expect(sourceOf(['nowhere']).where).toBe('f.yaml');
  });

  it.each(['', '# nothing\n', 'redis:\n  # host: h\n'])('may be as empty as %j', (text) => {
    expect(parseConfigFile('f.yaml', text)).toMatchObject({ tree: {}, mistakes: [] });
  });

  it('says where the syntax is wrong, without quoting the file', () => {
    const { tree, mistakes } = parseConfigFile('f.yaml', 'port: 1\nsecret: "unterminated\n');
    expect(tree).toBeUndefined();
    expect(mistakes).toEqual(['f.yaml:3:1: Missing closing "quote']);
  });

  it('names a key that is written twice', () => {
    expect(parseConfigFile('f.yaml', 'port: 1\nport: 2\n').mistakes).toEqual(['f.yaml:2:1: Map keys must be unique']);
  });

  it.each(['- 1', 'hello', '5'])('must hold keys, which %j does not', (text) => {
    expect(parseConfigFile('f.yaml', text)).toMatchObject({
      tree: undefined,
      mistakes: ['f.yaml:1:1: expected keys such as "port: 8080"'],
    });
  });

  it.each(['apps:\n  - __proto__: { polluted: 1 }\n', '{"apps": [{"__proto__": {"polluted": 1}}]}'])(
    'cannot reach a prototype through %j',
    (text) => {
      const { tree, mistakes } = parseConfigFile('f.yaml', text);
      expect(mistakes[0]).toMatch(/^apps\[0\]\.__proto__ \(f\.yaml:\d:\d+\): unknown key$/);
      expect(tree).toEqual({ apps: [{}] });
      expect(({} as { polluted?: number }).polluted).toBeUndefined();
    },
  );

  it('that contains itself is refused', () => {
    expect(parseConfigFile('f.yaml', 'log: &a\n  b: *a\n').mistakes).toEqual([
      'log.b.b.b (f.yaml:2:3): is nested too deeply',
    ]);
  });

  it('that grows without bounds is refused', () => {
    const bomb = [
      'a: &a [1,1,1,1,1,1,1,1,1,1]',
      'b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]',
      'c: [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]',
    ];
    const { mistakes } = parseConfigFile('f.yaml', bomb.join('\n'));
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toContain('alias');
  });
});
