// The variables: Fanfare's own, those of Laravel's and soketi's .env files, and those that are not for us.
import { describe, expect, it } from 'vitest';
import { appVariables, configVariables } from '../../src/config/keys.ts';
import { appEnv, loaded, mistakes } from './loading.ts';

const ids = (env: Record<string, string>, files: Record<string, string> = {}) =>
  loaded({ env, files }).config.apps.map(({ id, key, secret }) => `${id} ${key} ${secret}`);

const trio = (prefix: string, id: string) => ({
  [`${prefix}_ID`]: id,
  [`${prefix}_KEY`]: `${prefix}-key`,
  [`${prefix}_SECRET`]: `${prefix}-secret`,
});

describe('FANFARE_* variables', () => {
  it('are named after the path of their key', () => {
    expect([...configVariables.keys()]).toEqual([
      'FANFARE_HOST',
      'FANFARE_PORT',
      'FANFARE_PATH',
      'FANFARE_TLS_CERT_FILE',
      'FANFARE_TLS_KEY_FILE',
      'FANFARE_TLS_CA_FILE',
      'FANFARE_WORKERS',
      'FANFARE_ACTIVITY_TIMEOUT_SECONDS',
      'FANFARE_PONG_TIMEOUT_SECONDS',
      'FANFARE_MAX_CONNECTIONS',
      'FANFARE_MAX_UNSENT_BYTES',
      'FANFARE_SHUTDOWN_DEADLINE_SECONDS',
      'FANFARE_SHUTDOWN_CLOSES_PER_SECOND',
      'FANFARE_LOG_LEVEL',
      'FANFARE_LOG_FORMAT',
      'FANFARE_ADAPTER',
      'FANFARE_REDIS_URL',
      'FANFARE_REDIS_HOST',
      'FANFARE_REDIS_PORT',
      'FANFARE_REDIS_USERNAME',
      'FANFARE_REDIS_PASSWORD',
      'FANFARE_REDIS_DB',
      'FANFARE_REDIS_TLS',
      'FANFARE_REDIS_CA_FILE',
      'FANFARE_REDIS_CERT_FILE',
      'FANFARE_REDIS_KEY_FILE',
      'FANFARE_REDIS_SERVER_NAME',
      'FANFARE_REDIS_SENTINELS',
      'FANFARE_REDIS_SENTINEL_NAME',
      'FANFARE_REDIS_SENTINEL_USERNAME',
      'FANFARE_REDIS_SENTINEL_PASSWORD',
      'FANFARE_REDIS_CLUSTER',
      'FANFARE_REDIS_PREFIX',
      'FANFARE_REDIS_LEASE_SECONDS',
      'FANFARE_REDIS_CLOSE_WHEN_LOST',
      'FANFARE_REDIS_BUS_SECRET',
      'FANFARE_AUTH_CHANNEL_PATHS',
      'FANFARE_AUTH_USER_PATHS',
      'FANFARE_APP_STORE_DRIVER',
      'FANFARE_APP_STORE_FILE',
      'FANFARE_APP_STORE_SQL_URL',
      'FANFARE_APP_STORE_SQL_TABLE',
      'FANFARE_APP_STORE_SQL_FORMAT',
      'FANFARE_ADMIN_TOKENS',
      'FANFARE_WEBHOOKS_REFUSE_PRIVATE_ADDRESSES',
      'FANFARE_WEBHOOKS_CONCURRENCY',
    ]);
    expect(appVariables.get('FANFARE_APP_LIMITS_CHANNELS_PER_EVENT')?.path).toEqual(['limits', 'channelsPerEvent']);
  });

  it('turn into the types of their keys', () => {
    const { config } = loaded({
      env: {
        ...appEnv,
        FANFARE_SHUTDOWN_DEADLINE_SECONDS: '3',
        FANFARE_REDIS_TLS: 'yes',
        FANFARE_APP_CLIENT_EVENTS: '1',
        FANFARE_APP_ALLOWED_ORIGINS: 'a.example, *.b.example,',
        FANFARE_APP_LIMITS_CONNECTIONS: '7',
      },
    });
    expect(config.shutdown.deadlineSeconds).toBe(3);
    expect(config.redis.tls).toBe(true);
    expect(config.apps[0]).toMatchObject({
      clientEvents: true,
      allowedOrigins: ['a.example', '*.b.example'],
      limits: { connections: 7, payloadBytes: 10_240 },
    });
  });

  it('hold lists of texts with commas between them, or as JSON', () => {
    const tokens = (text: string) => loaded({ env: { ...appEnv, FANFARE_ADMIN_TOKENS: text } }).config.admin.tokens;
    const both = ['a-token-of-22-characters', 'b-token-of-22-characters'];
    expect(tokens(both.join(', '))).toEqual(both);
    expect(tokens(` ${JSON.stringify(both)}`)).toEqual(both);
    expect(mistakes({ env: { ...appEnv, FANFARE_ADMIN_TOKENS: '["a-token-of-22-characters"' } })).toEqual([
      expect.stringContaining('admin.tokens (FANFARE_ADMIN_TOKENS): expected a list in JSON'),
    ]);
  });

  it('hold lists of groups, and names free to choose, as JSON', () => {
    const env = {
      ...appEnv,
      FANFARE_AUTH_CHANNEL_PATHS: '/auth, /login',
      FANFARE_APP_AUTH_BEARER_SECRET: '0123456789abcdef0123456789abcdef',
      FANFARE_APP_AUTH_BEARER_USER_INFO: '{"name":"full_name"}',
      FANFARE_APP_AUTH_BEARER_AUDIENCE: 'a,b',
      FANFARE_APP_AUTH_RULES: '[{"channel":"private-user.{sub}"},{"channel":"*","allow":"authenticated"}]',
    };
    const { config, sources } = loaded({ env });
    expect(config.auth.channelPaths).toEqual(['/auth', '/login']);
    expect(config.apps[0]?.auth).toMatchObject({
      order: ['bearer', 'upstream'],
      bearer: { userInfo: { name: 'full_name' }, audience: ['a', 'b'], userId: 'sub' },
      rules: [{ channel: 'private-user.{sub}' }, { channel: '*', allow: 'authenticated' }],
    });
    expect(sources.get('apps[0].auth.rules')?.where).toBe('FANFARE_APP_AUTH_RULES');
  });

  it('that should hold JSON and do not are mistakes, and so is JSON that is not safe', () => {
    const env = {
      ...appEnv,
      FANFARE_APP_AUTH_BEARER_SECRET: '0123456789abcdef0123456789abcdef',
      FANFARE_APP_AUTH_RULES: 'private-user',
      FANFARE_APP_AUTH_BEARER_USER_INFO: '{"__proto__":{"polluted":"1"}}',
    };
    expect(mistakes({ env })).toEqual([
      'apps[0].auth.bearer.userInfo (FANFARE_APP_AUTH_BEARER_USER_INFO): expected a group of keys in JSON, such as ' +
        '{"name":"value"}, got text',
      'apps[0].auth.rules (FANFARE_APP_AUTH_RULES): expected a list in JSON, such as [{"key":"value"}], got "private-user"',
    ]);
  });

  it('leave an app without auth where none of them is about it', () => {
    expect(loaded({ env: appEnv }).config.apps[0]).not.toHaveProperty('auth');
    expect(mistakes({ env: { ...appEnv, FANFARE_APP_AUTH_GRANTS: 'named' } })).toEqual([
      'apps[0].auth (FANFARE_APP_AUTH_GRANTS): needs bearer or upstream, to know who is asking',
    ]);
  });

  it('say nothing when empty', () => {
    expect(loaded({ env: { ...appEnv, FANFARE_PORT: '', FANFARE_NONSENSE: ' ' } }).config.port).toBe(8080);
  });

  it('that are unknown are mistakes, from an env file too', () => {
    const files = { '.env': 'FANFARE_APP_SECRTE=x\nFANFARE_QQQQQQ=1' };
    expect(mistakes({ env: appEnv, flags: { envFile: '.env' }, files })).toEqual([
      'FANFARE_APP_SECRTE, .env:1: unknown variable, did you mean FANFARE_APP_SECRET?',
      'FANFARE_QQQQQQ, .env:2: unknown variable',
    ]);
  });

  it('that Kubernetes made of a service named fanfare or redis are not for us', () => {
    const env = {
      FANFARE_PORT: 'tcp://10.0.0.1:8080',
      FANFARE_SERVICE_HOST: '10.0.0.1',
      FANFARE_SERVICE_PORT: '8080',
      FANFARE_SERVICE_PORT_HTTP: '8080',
      FANFARE_PORT_8080_TCP: 'tcp://10.0.0.1:8080',
      FANFARE_PORT_8080_TCP_ADDR: '10.0.0.1',
      REDIS_PORT: 'tcp://10.0.0.2:6379',
    };
    expect(loaded({ env: { ...appEnv, ...env } }).config).toMatchObject({ port: 8080, redis: { port: 6379 } });
  });
});

describe('apps of the environment', () => {
  const two = 'apps:\n  - { id: a, key: ka, secret: sa }\n  - { id: b, key: kb, secret: sb }\n';
  const one = 'apps:\n  - { id: a, key: ka, secret: sa }\n';

  it('amend the app of that id', () => {
    const env = { FANFARE_APP_ID: 'b', FANFARE_APP_SECRET: 'new', FANFARE_APP_STRICT: 'true' };
    expect(ids(env, { 'fanfare.yaml': two })).toEqual(['a ka sa', 'b kb new']);
  });

  it('amend the only app when no id is given', () => {
    expect(ids({ FANFARE_APP_SECRET: 'new' }, { 'fanfare.yaml': one })).toEqual(['a ka new']);
    expect(mistakes({ env: { FANFARE_APP_SECRET: 'new' }, files: { 'fanfare.yaml': two } })).toEqual([
      'FANFARE_APP_SECRET: there are 2 apps, set FANFARE_APP_ID to say which one is meant',
    ]);
  });

  it('are added otherwise', () => {
    expect(ids(appEnv, { 'fanfare.yaml': one })).toEqual(['a ka sa', '1 k s']);
  });

  it('replace the file’s as a JSON array', () => {
    const FANFARE_APPS = '[{"id":"x","key":"kx","secret":"sx","limits":{"connections":2}}]';
    expect(ids({ FANFARE_APPS }, { 'fanfare.yaml': two })).toEqual(['x kx sx']);
    const auth = '{"upstream":{"url":"http://127.0.0.1/auth"},"rules":[{"channel":"*","allow":"upstream"}]}';
    const { config } = loaded({ env: { FANFARE_APPS: FANFARE_APPS.replace('}]', `,"auth":${auth}}]`) } });
    expect(config.apps[0]?.auth?.upstream).toMatchObject({ url: 'http://127.0.0.1/auth', timeoutSeconds: 5 });
    expect(mistakes({ env: { FANFARE_APPS: '{"id":1}' } })).toEqual([
      'apps (FANFARE_APPS): expected a JSON array of apps',
    ]);
    expect(mistakes({ env: { FANFARE_APPS: '[{"id":"x","key":"k","secret":"s","__proto__":{},"size":1}]' } })).toEqual([
      'apps[0].__proto__ (FANFARE_APPS): unknown key',
      'apps[0].size (FANFARE_APPS): unknown key',
    ]);
  });

  it.each(['PUSHER_APP', 'REVERB_APP', 'SOKETI_DEFAULT_APP'])('go by the names %s_ID, _KEY and _SECRET', (prefix) => {
    expect(ids(trio(prefix, '7'))).toEqual([`7 ${prefix}-key ${prefix}-secret`]);
  });

  it('of several families are all there, unless they share an id', () => {
    const all = { ...trio('SOKETI_DEFAULT_APP', '1'), ...trio('PUSHER_APP', '2'), ...trio('REVERB_APP', '3') };
    expect(ids({ ...all, ...appEnv, FANFARE_APP_ID: '4' }).map((app) => app[0])).toEqual(['1', '2', '3', '4']);
    const same = { ...trio('SOKETI_DEFAULT_APP', '1'), ...trio('PUSHER_APP', '1'), ...trio('REVERB_APP', '1') };
    expect(ids(same)).toEqual(['1 REVERB_APP-key REVERB_APP-secret']);
    expect(ids({ ...same, REVERB_APP_ID: '2' }).at(0)).toBe('1 PUSHER_APP-key PUSHER_APP-secret');
    expect(ids({ ...same, ...appEnv })).toEqual(['1 k s']);
  });

  it('need all three parts, and the missing ones are named', () => {
    expect(mistakes({ env: { PUSHER_APP_KEY: 'k', PUSHER_APP_ID: '1' } })).toEqual([
      'PUSHER_APP_SECRET is not set, but PUSHER_APP_ID and PUSHER_APP_KEY are: an app needs an id, a key and a secret',
    ]);
    expect(mistakes({ env: { FANFARE_APP_STRICT: '1' } })).toEqual([
      'FANFARE_APP_ID, FANFARE_APP_KEY and FANFARE_APP_SECRET are not set, but FANFARE_APP_STRICT is: ' +
        'an app needs an id, a key and a secret',
    ]);
  });

  it('are not described by null, as Laravel writes it', () => {
    expect(ids({ ...appEnv, PUSHER_APP_ID: 'null', PUSHER_APP_KEY: '(null)', PUSHER_APP_SECRET: 'null' })).toEqual([
      '1 k s',
    ]);
  });
});

describe('a Laravel .env', () => {
  const env = {
    ...trio('REVERB_APP', '7'),
    REVERB_SERVER_HOST: '127.0.0.2',
    REVERB_SERVER_PORT: '6001',
    REVERB_SERVER_PATH: '/ws',
    REDIS_CLIENT: 'phpredis',
    REDIS_HOST: 'redis.example',
    REDIS_PASSWORD: 'null',
    REDIS_PORT: '6380',
    REDIS_USERNAME: 'fan',
    REDIS_DB: '3',
    REDIS_URL: 'rediss://h:1',
  };

  it('works as it is, without Redis being used', () => {
    const { config } = loaded({ env });
    expect(config).toMatchObject({ host: '127.0.0.2', port: 6001, path: '/ws', adapter: 'memory' });
    const redis = { url: 'rediss://h:1', host: 'redis.example', port: 6380, username: 'fan', db: 3 };
    expect(config.redis).toMatchObject(redis);
    expect(config.redis.password).toBeUndefined();
  });

  it('turns Redis on with REVERB_SCALING_ENABLED, below FANFARE_ADAPTER', () => {
    expect(loaded({ env: { ...env, REVERB_SCALING_ENABLED: 'true' } }).config.adapter).toBe('redis');
    expect(loaded({ env: { ...env, REVERB_SCALING_ENABLED: 'false' } }).config.adapter).toBe('memory');
    const both = { ...env, REVERB_SCALING_ENABLED: 'true', FANFARE_ADAPTER: 'memory' };
    expect(loaded({ env: both }).config.adapter).toBe('memory');
  });

  it('gives way to FANFARE_* names', () => {
    const { config } = loaded({ env: { ...env, FANFARE_PORT: '1', FANFARE_REDIS_HOST: 'h' } });
    expect([config.port, config.redis.host]).toEqual([1, 'h']);
  });
});
