// Where the apps are: what goes with which driver, and further key pairs of configured apps.
import { describe, expect, it } from 'vitest';
import { check } from '../../src/cli/check.ts';
import { run } from '../cli/recording-edge.ts';
import { appEnv, loaded, mistakes } from './loading.ts';

const file = (text: string) => ({ files: { 'fanfare.yaml': text } });
const apps = "apps: [{ id: '1', key: k, secret: s }]\n";
const secrets = ['hush'];

describe('appStore', () => {
  it('is the configuration by default, which must have an app', () => {
    expect(loaded({ env: appEnv }).config.appStore).toEqual({ driver: 'config' });
    expect(mistakes({})).toEqual([expect.stringMatching(/^no app is configured/)]);
  });

  it.each([
    ['a file', 'appStore: { driver: file, file: apps.json }', { driver: 'file', file: 'apps.json' }],
    ['Redis', 'appStore: { driver: redis }', { driver: 'redis' }],
    [
      'a database',
      'appStore: { driver: sql, sql: { url: "postgres://u:hush@db:5432/fanfare" } }',
      { driver: 'sql', sql: { url: 'postgres://u:hush@db:5432/fanfare', format: 'fanfare' } },
    ],
    [
      'the table of soketi',
      'appStore: { driver: sql, sql: { url: "mysql://u:hush@db/soketi", format: soketi, table: app.apps } }',
      { driver: 'sql', sql: { url: 'mysql://u:hush@db/soketi', format: 'soketi', table: 'app.apps' } },
    ],
  ])('may be %s, and then no app need be configured', (_, text, appStore) => {
    expect(loaded(file(text)).config).toMatchObject({ appStore, apps: [] });
    // The development app is one of the configuration.
    expect(loaded({ ...file(text), flags: { dev: true } }).config.apps).toEqual([]);
  });

  it('is set by variables', () => {
    const env = {
      FANFARE_APP_STORE_DRIVER: 'sql',
      FANFARE_APP_STORE_SQL_URL: 'mariadb://u:hush@db/x',
      FANFARE_APP_STORE_SQL_FORMAT: 'soketi',
    };
    const { appStore } = loaded({ env }).config;
    expect(appStore).toEqual({ driver: 'sql', sql: { url: 'mariadb://u:hush@db/x', format: 'soketi' } });
    const inFile = { FANFARE_APP_STORE_DRIVER: 'file', FANFARE_APP_STORE_FILE: '/var/lib/apps.json' };
    expect(loaded({ env: inFile }).config.appStore).toEqual({ driver: 'file', file: '/var/lib/apps.json' });
  });

  it.each([
    ['a file, without its name', 'appStore: { driver: file }', /^appStore\.file.*: is needed with driver file/],
    ['a database, without its url', 'appStore: { driver: sql }', /^appStore\.sql.*: is needed with driver sql/],
    ['a database, with a group but no url', 'appStore: { driver: sql, sql: {} }', /^appStore\.sql\.url.*is required/],
    ['another driver', 'appStore: { driver: mongo }', /^appStore\.driver.*expected config, file, redis or sql/],
    ['a key it has not', 'appStore: { drivre: file }', /unknown key, did you mean driver\?/],
    [
      'another format',
      'appStore: { sql: { url: mysql://h/d, format: x } }',
      /^appStore\.sql\.format.*fanfare or soketi/,
    ],
    ['no table', 'appStore: { sql: { url: mysql://h/d, table: "a b" } }', /^appStore\.sql\.table.*must be a name/],
  ])('is refused with %s', (_, text, mistake) => {
    expect(mistakes(file(`${text}\n${text.includes('driver: ') ? '' : apps}`)).join('\n')).toMatch(mistake);
  });

  it.each(['redis://u:hush@h/1', 'postgres://u:hush@h', 'postgres://u:hush@h/a/b', 'postgres:///hush', 'hush'])(
    'has a database at no such url as %s, which is not repeated',
    (url) => {
      const found = mistakes(file(`appStore: { driver: sql, sql: { url: "${url}" } }`)).join('\n');
      expect(found).toMatch(/^appStore\.sql\.url.*: must be postgres:\/\//);
      for (const secret of secrets) expect(found).not.toContain(secret);
    },
  );

  it('takes no apps of the configuration beside another driver, wherever they come from', () => {
    const text =
      /^apps \(.*\): are given, but with appStore\.driver redis the apps are where that says, and nowhere else/;
    expect(mistakes(file(`appStore: { driver: redis }\n${apps}`))).toEqual([expect.stringMatching(text)]);
    const env = { ...appEnv, FANFARE_APP_STORE_DRIVER: 'redis' };
    expect(mistakes({ env })).toEqual([expect.stringMatching(/^apps \(FANFARE_APP_ID\): are given/)]);
    expect(mistakes({ env, flags: { dev: true } })).toHaveLength(1);
    expect(loaded({ env, needsApps: false }).config.apps).toHaveLength(1);
  });

  it('is printed without passwords', async () => {
    const url = 'postgres://u:hush@db:5432/fanfare?sslpassword=hush';
    const env = { FANFARE_APP_STORE_DRIVER: 'sql', FANFARE_APP_STORE_SQL_URL: url };
    const { code, out } = run(check, [], { env });
    expect(await code).toBe(0);
    const line = (key: string) => out.find((line) => line.startsWith(`${key} `))?.split(/ {2,}/)[1];
    expect(line('appStore.sql.url')).toBe('postgres://********@db:5432/fanfare?********');
    expect(line('appStore.driver')).toBe('sql');
    expect(out.join('\n')).not.toContain('hush');
  });
});

describe('further key pairs of an app', () => {
  const keys = '[{ key: old, secret: hush, notAfter: 2030-01-01T00:00:00Z }, { key: older, secret: hush }]';
  const app = (id: string, rest: string) => `  - { id: ${id}, key: key-${id}, secret: s, ${rest} }\n`;

  it('are configured, also by a variable, and printed without their secrets', async () => {
    const env = { ...appEnv, FANFARE_APP_KEYS: '[{"key":"old","secret":"hush","notAfter":"2030-01-01T00:00:00Z"}]' };
    expect(loaded({ env }).config.apps[0]?.keys).toEqual([
      { key: 'old', secret: 'hush', notAfter: '2030-01-01T00:00:00Z' },
    ]);
    expect(loaded(file(`apps:\n${app('a', `keys: ${keys}`)}`)).config.apps[0]?.keys).toHaveLength(2);
    const { code, out } = run(check, [], { env });
    expect(await code).toBe(0);
    expect(out.join('\n')).toMatch(/^apps\[0\]\.keys +old until 2030-01-01T00:00:00Z +environment/m);
    expect(out.join('\n')).not.toContain('hush');
  });

  it('have keys that no other pair of any app has', () => {
    const clashes = app('a', `keys: ${keys}`) + app('b', 'keys: [{ key: old, secret: x }, { key: key-b, secret: x }]');
    expect(mistakes(file(`apps:\n${clashes}${app('old', '').replace('key-old', 'older')}`))).toEqual([
      expect.stringMatching(/^apps\[1\]\.keys\[0\]\.key .*: "old" is taken by apps\[0\]\.keys\[0\],/),
      expect.stringMatching(/^apps\[1\]\.keys\[1\]\.key .*: "key-b" is taken by apps\[1\],/),
      expect.stringMatching(/^apps\[2\]\.key .*: "older" is taken by apps\[0\]\.keys\[1\],/),
    ]);
  });

  it('are refused where they are none, without a word of their secrets', () => {
    const env = { ...appEnv, FANFARE_APP_KEYS: '[{"key":"old","secret":"hush"' };
    const text = mistakes({ env }).join('\n');
    expect(text).toContain('apps[0].keys (FANFARE_APP_KEYS): expected a list in JSON');
    expect(text).not.toContain('hush');
    const noTime = mistakes(file(`apps:\n${app('a', 'keys: [{ key: old, secret: hush, notAfter: soon }]')}`));
    expect(noTime).toEqual([
      expect.stringMatching(/^apps\[0\]\.keys\[0\]\.notAfter .*must be a date and time such as/),
    ]);
    expect(mistakes(file('apps: [{ id: a, key: k, secret: s, keys: 7 }, 8]'))).toHaveLength(2);
  });

  it('have no development secret', () => {
    const text = `apps:\n${app('a', 'keys: [{ key: old, secret: app-secret }]')}`;
    expect(mistakes(file(text))).toEqual([
      expect.stringMatching(/^apps\[0\]\.keys\[0\]\.secret .*: is the development secret/),
    ]);
    expect(loaded({ ...file(text), flags: { dev: true } }).config.apps).toHaveLength(2);
  });
});
