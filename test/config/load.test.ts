// Layers, development, and what a refused configuration says.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { developmentApp, developmentTokenSecret } from '../../src/config/apps.ts';
import { sourceText } from '../../src/config/draft.ts';
import { appKeys, configKeys } from '../../src/config/keys.ts';
import { makeCertificate } from '../support/certificate.ts';
import { appEnv, load, loaded, mistakes } from './loading.ts';

const app = "apps:\n  - { id: '1', key: k, secret: s }\n";

describe('the layers', () => {
  it('lets flags beat the environment, that the file, and that the defaults, and remembers which it was', () => {
    const { config, sources } = loaded({
      flags: { port: '1' },
      env: { FANFARE_PORT: '2', FANFARE_PATH: '/env' },
      files: { 'fanfare.yaml': `port: 3\npath: /file\nmaxConnections: 5\n${app}` },
    });
    expect([config.port, config.path, config.maxConnections, config.maxUnsentBytes]).toEqual([1, '/env', 5, 1_048_576]);
    const keys = ['port', 'path', 'maxConnections', 'maxUnsentBytes', 'apps[0].id'];
    expect(keys.map((key) => sourceText(sources.get(key)!))).toEqual([
      'flag (--port)',
      'environment (FANFARE_PATH)',
      'file (fanfare.yaml:3:1)',
      'default',
      'file (fanfare.yaml:5:7)',
    ]);
  });

  it('takes every flag', () => {
    const flags = { host: '::1', port: '0', path: 'ws/', logLevel: 'debug' };
    const { config } = loaded({ flags, env: appEnv });
    expect(config).toMatchObject({ host: '::1', port: 0, path: '/ws', log: { level: 'debug' } });
  });

  it('reads the file FANFARE_CONFIG names, and the one --config names before it', () => {
    const files = { a: `port: 1\n${app}`, b: `port: 2\n${app}` };
    expect(loaded({ env: { FANFARE_CONFIG: 'a' }, files }).config.port).toBe(1);
    expect(loaded({ env: { FANFARE_CONFIG: 'a' }, flags: { config: 'b' }, files }).config.port).toBe(2);
  });

  it('reads a variable of the env file below one of the process', () => {
    const files = { '.env': 'FANFARE_PORT=1\nFANFARE_PATH=/a\n' };
    const { config, sources } = loaded({ flags: { envFile: '.env' }, env: { ...appEnv, FANFARE_PORT: '2' }, files });
    expect([config.port, config.path]).toEqual([2, '/a']);
    expect(sourceText(sources.get('path')!)).toBe('environment (FANFARE_PATH, .env:2)');
  });

  it('reads JSON as well', () => {
    const text = '{"port": 9, "apps": [{"id": "1", "key": "k", "secret": "s"}]}';
    expect(loaded({ files: { 'fanfare.yaml': text } }).config.port).toBe(9);
  });

  it('freezes the result to the bottom', () => {
    const { config } = loaded({ env: appEnv });
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.apps[0]?.limits)).toBe(true);
    expect(Object.isFrozen(config.apps[0]?.allowedOrigins)).toBe(true);
  });

  it('names the source of every key that holds a value', () => {
    const { sources } = loaded({ env: appEnv });
    expect([...sources.keys()]).toContain('apps[0].limits.eventNameLength');
    expect([...sources.keys()]).toContain('redis.password');
    expect(sources.size).toBe(1 + configKeys.length + appKeys.length);
  });

  it.each([
    ['', ''],
    ['/', ''],
    ['ws', '/ws'],
    ['/ws/', '/ws'],
    ['/a/b-c.d_e~f', '/a/b-c.d_e~f'],
  ])('normalises the path %j to %j', (path, expected) => {
    expect(loaded({ flags: { path }, env: appEnv }).config.path).toBe(expected);
  });
});

describe('--dev', () => {
  it('adds an app with everything on, listens on this machine only and logs for people', () => {
    const { config, sources } = loaded({ flags: { dev: true } });
    expect(config).toMatchObject({ development: true, host: '127.0.0.1', log: { format: 'pretty' } });
    expect(config.apps).toHaveLength(1);
    expect(config.apps[0]).toMatchObject({
      id: 'app-id',
      key: 'app-key',
      secret: 'app-secret',
      clientEvents: true,
      subscriptionCount: true,
      watchlists: true,
      signInRequired: false,
    });
    expect(sources.get('apps[0].secret')).toEqual({ kind: 'development' });
  });

  it('keeps what was said otherwise', () => {
    const { config } = loaded({ env: { FANFARE_DEV: 'true', FANFARE_HOST: '0.0.0.0', FANFARE_LOG_FORMAT: 'json' } });
    expect(config).toMatchObject({ development: true, host: '0.0.0.0', log: { format: 'json' } });
  });

  it('keeps a configured app of that id and adds the app beside others', () => {
    const own = 'apps:\n  - { id: app-id, key: mine, secret: s }\n';
    expect(loaded({ flags: { dev: true }, files: { 'fanfare.yaml': own } }).config.apps.map(({ key }) => key)).toEqual([
      'mine',
    ]);
    expect(loaded({ flags: { dev: true }, env: appEnv }).config.apps.map(({ key }) => key)).toEqual(['k', 'app-key']);
  });

  it('lets the users of its app have tokens, whose key gives way to one that is named', () => {
    const { bearer, rules, grants } = loaded({ flags: { dev: true } }).config.apps[0]?.auth ?? {};
    expect(bearer?.secret).toBe(developmentTokenSecret);
    expect(bearer?.userInfo).toEqual({ name: 'name', firstName: 'firstName', lastName: 'lastName' });
    expect({ rules, grants }).toEqual({ rules: [{ channel: '*', allow: 'authenticated' }], grants: 'expiring' });
    const env = { FANFARE_APP_AUTH_BEARER_JWKS_URL: 'https://id.example/keys' };
    const amended = loaded({ flags: { dev: true }, env }).config.apps[0]?.auth?.bearer;
    expect([amended?.secret, amended?.jwksUrl]).toEqual([undefined, 'https://id.example/keys']);
    expect(mistakes({ flags: { dev: true }, env: { ...env, FANFARE_APP_AUTH_BEARER_SECRET: 'x'.repeat(32) } })).toEqual(
      ['apps[0].auth.bearer: takes one of secret, publicKey, publicKeyFile, jwksUrl, not secret and jwksUrl'],
    );
  });

  it('starts from the same app each time', () => {
    loaded({ flags: { dev: true }, env: { FANFARE_APP_AUTH_BEARER_USER_ID: 'id' } });
    expect(loaded({ flags: { dev: true } }).config.apps[0]?.auth?.bearer?.userId).toBe('sub');
  });

  it('lets FANFARE_APP_* without an id amend the development app', () => {
    const { config } = loaded({ flags: { dev: true }, env: { FANFARE_APP_CLIENT_EVENTS: 'false' } });
    expect(config.apps).toMatchObject([{ id: 'app-id', clientEvents: false, watchlists: true }]);
  });

  it('is not assumed', () => {
    expect(loaded({ env: { ...appEnv, FANFARE_DEV: 'false' } }).config).toMatchObject({
      development: false,
      host: '0.0.0.0',
      log: { format: 'json' },
    });
  });
});

describe('a refusal', () => {
  it('without --dev says what to set when there is no app', () => {
    expect(mistakes({})).toEqual([
      'no app is configured: list one under apps: in the configuration file, or set FANFARE_APP_ID, FANFARE_APP_KEY ' +
        'and FANFARE_APP_SECRET (the PUSHER_APP_… or REVERB_APP_… names of a Laravel .env do as well), ' +
        'or start a development server with --dev',
    ]);
    expect(load({ needsApps: false }).ok).toBe(true);
  });

  it('without --dev names the app that has the development secret', () => {
    expect(mistakes({ env: { ...appEnv, FANFARE_APP_SECRET: 'app-secret' } })).toEqual([
      'apps[0].secret (FANFARE_APP_SECRET): is the development secret, which everybody knows: ' +
        'choose one of your own, or start with --dev',
    ]);
  });

  it('without --dev names the app that has another development secret', () => {
    const env = {
      ...appEnv,
      FANFARE_APP_AUTH_BEARER_SECRET: developmentTokenSecret,
      FANFARE_APP_ENCRYPTION_MASTER_KEY: developmentApp.encryptionMasterKey,
    };
    const rest = 'which everybody knows: choose one of your own, or start with --dev';
    expect(mistakes({ env })).toEqual([
      `apps[0].auth.bearer.secret (FANFARE_APP_AUTH_BEARER_SECRET): is the development token secret, ${rest}`,
      `apps[0].encryptionMasterKey (FANFARE_APP_ENCRYPTION_MASTER_KEY): is the development master key, ${rest}`,
    ]);
    expect(load({ env, flags: { dev: true } }).ok).toBe(true);
  });

  it('lists every mistake of every layer at once, each with its place', () => {
    const yaml = [
      'port: many',
      'hots: example.com',
      'log: { level: loud }',
      'apps:',
      "  - id: '1'",
      '    key: k',
      '    secret: "with spaces"',
      '    limits:',
      '      connections: -1',
      '      payloadByte: 3',
      '  - id: 2',
      '    key: k',
      '    clientEvents: maybe',
    ].join('\n');
    const given = {
      flags: { path: '/a b' },
      env: { FANFARE_PROT: '1', FANFARE_MAX_CONNECTIONS: '1.5', FANFARE_DEV: 'so' },
    };
    expect([...mistakes({ ...given, files: { 'fanfare.yaml': yaml } })].sort()).toEqual(
      [
        'FANFARE_DEV: expected true or false, got "so"',
        'FANFARE_PROT: unknown variable, did you mean FANFARE_PORT?',
        'port (fanfare.yaml:1:1): expected a whole number, got "many"',
        'path (--path): must be a path such as /ws: letters, digits and "-._~" between slashes, got "/a b"',
        'maxConnections (FANFARE_MAX_CONNECTIONS): expected a whole number, got "1.5"',
        'log.level (fanfare.yaml:3:8): expected trace, debug, info, warn, error or silent, got "loud"',
        'apps[0].secret (fanfare.yaml:7:5): must be one or more printable ASCII characters without spaces',
        'apps[0].limits.connections (fanfare.yaml:9:7): must be 0 or more, got -1',
        'apps[0].limits.payloadByte (fanfare.yaml:10:7): unknown key, did you mean payloadBytes?',
        'apps[1].id (fanfare.yaml:11:5): expected text, got 2: put it in quotes',
        'apps[1].secret (fanfare.yaml:11:5): is required',
        'apps[1].clientEvents (fanfare.yaml:13:5): expected true or false, got "maybe"',
        'apps[1].key (fanfare.yaml:12:5): "k" is taken by apps[0], got "k"',
        'hots (fanfare.yaml:2:1): unknown key, did you mean host?',
      ].sort(),
    );
  });

  it('never shows a secret', () => {
    const secret = 'correct horse battery';
    const env = { ...appEnv, FANFARE_APP_SECRET: secret, FANFARE_REDIS_URL: `http://u:${secret}@h` };
    const all = mistakes({ env, files: { 'fanfare.yaml': `redis: { password: [${secret}] }\nsecret: ${secret}` } });
    expect(all).toHaveLength(4);
    expect(all.join('\n')).not.toContain(secret);
  });

  it('says which file cannot be read, and does not guess what it would have held', () => {
    expect(mistakes({ flags: { config: 'nope.yaml', envFile: '.nope' } })).toEqual([
      '--env-file: cannot read .nope: there is no such file',
      '--config: cannot read nope.yaml: there is no such file',
    ]);
  });

  it('names a certificate or key that is not there or no PEM file', () => {
    const env = { ...appEnv, FANFARE_TLS_CERT_FILE: 'cert.pem', FANFARE_TLS_KEY_FILE: 'key.pem' };
    expect(mistakes({ env, files: { 'key.pem': 'hello' } })).toEqual([
      'tls.certFile (FANFARE_TLS_CERT_FILE): cert.pem: cannot be read: there is no such file',
      'tls.keyFile (FANFARE_TLS_KEY_FILE): key.pem: is not a PEM file',
    ]);
  });

  it('takes a certificate with its own key, and no other', () => {
    const folder = mkdtempSync(join(tmpdir(), 'fanfare-load-'));
    const { certFile, keyFile } = makeCertificate(folder);
    const pair = { 'cert.pem': readFileSync(certFile, 'utf8'), 'key.pem': readFileSync(keyFile, 'utf8') };
    makeCertificate(folder);
    const otherKey = readFileSync(keyFile, 'utf8');
    rmSync(folder, { recursive: true });
    const env = { ...appEnv, FANFARE_TLS_CERT_FILE: 'cert.pem', FANFARE_TLS_KEY_FILE: 'key.pem' };
    expect(loaded({ env, files: pair }).config.tls).toEqual({ certFile: 'cert.pem', keyFile: 'key.pem' });
    expect(mistakes({ env, files: { ...pair, 'key.pem': otherKey } })).toEqual([
      expect.stringMatching(
        /^tls\.keyFile \(FANFARE_TLS_KEY_FILE\): cannot be used with the certificate: .*key values mismatch$/,
      ),
    ]);
    expect(mistakes({ env: { ...appEnv, FANFARE_TLS_CERT_FILE: 'c' }, files: { c: pair['cert.pem'] } })).toEqual([
      'tls.keyFile (FANFARE_TLS_CERT_FILE): is required',
    ]);
  });

  it.each([
    'mysql://h',
    'redis',
    'redis//h',
    'redis:',
    'redis:/u:hush@h',
    'rediss:/hush',
    'redis:///2',
    'redis://h/abc',
    'redis://h?password=hush',
    'redis://u:p%zz@h',
  ])('refuses %s as the URL of Redis', (url) => {
    expect(mistakes({ env: { ...appEnv, FANFARE_REDIS_URL: url } })).toEqual([
      'redis.url (FANFARE_REDIS_URL): must be redis://[user:password@]host[:port][/db] or rediss://…, percent-encoded',
    ]);
  });

  it.each(['redis://h', 'rediss://u:p%40@h:1/2', 'redis://:p@[::1]:6379', 'redis://h/'])(
    'takes %s as the URL of Redis',
    (url) => {
      expect(loaded({ env: { ...appEnv, FANFARE_REDIS_URL: url } }).config.redis.url).toBe(url);
    },
  );

  it('points at a group that is written as a value', () => {
    expect(mistakes({ env: { ...appEnv, FANFARE_LOG_LEVEL: 'info' }, files: { 'fanfare.yaml': 'log: 5' } })).toEqual([
      'log (fanfare.yaml:1:1): expected a group of keys, got 5',
    ]);
  });
});
