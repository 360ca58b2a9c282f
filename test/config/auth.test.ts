// The auth of apps in a configuration: what its mistakes say, keys of tokens, and paths of the endpoint.
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { appEnv, load, loaded, mistakes } from './loading.ts';

const secret = 'a secret of thirty-two bytes, yes';
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/** One app as JSON, which YAML contains. */
const withAuth = (auth: unknown, rest: object = {}, files: Record<string, string> = {}) => {
  const app = { id: '1', key: 'k', secret: 's', auth };
  return { files: { ...files, 'fanfare.yaml': JSON.stringify({ ...rest, apps: [app] }) } };
};
/** Without the place in the file. */
const mistakesOf = (given: Parameters<typeof mistakes>[0]) =>
  mistakes(given).map((mistake) => mistake.replace(/ \(fanfare\.yaml:[\d:]+\)/, ''));

describe('a mistake in auth', () => {
  it('says what is wrong, at its place', () => {
    const yaml = [
      "apps:\n  - id: '1'\n    key: k\n    secret: s",
      '    auth:',
      '      bearer: { userInfo: [name] }',
      '      rules:',
      '        - { channel: private-x, alow: upstream }',
      '        - { channel: private-x }',
      '        - { channel: news, allow: nobody }',
      '        - private-x',
    ].join('\n');
    expect(mistakes({ files: { 'fanfare.yaml': yaml } })).toEqual([
      'apps[0].auth.bearer.userInfo (fanfare.yaml:6:17): expected a group of keys, got a list',
      'apps[0].auth.bearer (fanfare.yaml:6:7): needs one of secret, publicKey, publicKeyFile, jwksUrl',
      'apps[0].auth.rules[0].alow (fanfare.yaml:8:33): unknown key, did you mean allow?',
      'apps[0].auth.rules[0].allow (fanfare.yaml:8:11): must be authenticated or upstream, as the channel has no ' +
        '{claim} to compare',
      'apps[0].auth.rules[1].allow (fanfare.yaml:9:11): must be authenticated or upstream, as the channel has no ' +
        '{claim} to compare',
      'apps[0].auth.rules[2].channel (fanfare.yaml:10:13): must start with private-, presence- or *: other channels ' +
        'need no authorization, got "news"',
      'apps[0].auth.rules[2].allow (fanfare.yaml:10:28): expected authenticated or upstream, got "nobody"',
      'apps[0].auth.rules[3] (fanfare.yaml:11:11): expected a group of keys, got text',
    ]);
  });

  it('says that a list is empty', () => {
    expect(mistakesOf(withAuth({ bearer: { secret }, order: [] }))).toEqual(['apps[0].auth.order: must not be empty']);
  });

  it('never shows a secret, or a URL that may hold one', () => {
    const url = 'https://user:hush@id.example/keys?token=hush';
    const apps = [
      { encryptionMasterKey: 'hush', auth: { bearer: { secret: 'hush' } } },
      { auth: { bearer: { jwksUrl: url } } },
      { auth: { bearer: 'hush' } },
      { auth: { upstream: { url, userUrl: url } } },
      { auth: { bearer: { publicKey: `-----BEGIN PRIVATE KEY-----\nhush` } } },
    ].map((app, index) => ({ id: `a${index}`, key: `k${index}`, secret: 's', ...app }));
    const all = mistakes({ files: { 'fanfare.yaml': JSON.stringify({ apps }) } });
    expect(all).toHaveLength(7);
    expect(all.join('\n')).not.toContain('hush');
  });
});

describe('the key of tokens', () => {
  it.each([
    ['publicKey', { publicKey: publicPem }],
    ['publicKey, its line breaks written as \\n', { publicKey: publicPem.replaceAll('\n', '\\n') }],
    ['publicKeyFile', { publicKeyFile: 'token.pem' }],
  ])('is taken as %s', (_, bearer) => {
    expect(load(withAuth({ bearer }, {}, { 'token.pem': publicPem })).ok).toBe(true);
  });

  it('must be a public one', () => {
    const reason = 'is a private key: give the public one (openssl pkey -in FILE -pubout)';
    expect(mistakesOf(withAuth({ bearer: { publicKey: privatePem } }))).toEqual([
      `apps[0].auth.bearer.publicKey: ${reason}`,
    ]);
    const given = withAuth({ bearer: { publicKeyFile: 'token.pem' } }, {}, { 'token.pem': privatePem });
    expect(mistakesOf(given)).toEqual([`apps[0].auth.bearer.publicKeyFile: token.pem: ${reason}`]);
  });

  it('must be in a file that can be read', () => {
    const env = { ...appEnv, FANFARE_APP_AUTH_BEARER_PUBLIC_KEY_FILE: 'token.pem' };
    expect(mistakes({ env })).toEqual([
      'apps[0].auth.bearer.publicKeyFile (FANFARE_APP_AUTH_BEARER_PUBLIC_KEY_FILE): token.pem: cannot be read: ' +
        'there is no such file',
    ]);
  });

  it('must fit the algorithms', () => {
    const all = ['HS512', 'RS256', 'ES256'];
    const refused = (bearer: object) => mistakesOf(withAuth({ bearer: { ...bearer, algorithms: all } }));
    expect(refused({ secret })).toEqual([
      'apps[0].auth.bearer.algorithms[1]: RS256 does not fit secret, which goes with HS256, HS384, HS512',
      'apps[0].auth.bearer.algorithms[2]: ES256 does not fit secret, which goes with HS256, HS384, HS512',
    ]);
    expect(refused({ publicKey: publicPem })).toEqual([
      'apps[0].auth.bearer.algorithms[0]: HS512 does not fit publicKey, which goes with ES256',
      'apps[0].auth.bearer.algorithms[1]: RS256 does not fit publicKey, which goes with ES256',
    ]);
    expect(refused({ jwksUrl: 'https://id.example/keys' })).toEqual([
      'apps[0].auth.bearer.algorithms[0]: HS512 does not fit jwksUrl, which goes with RS256, RS384, RS512, PS256, ' +
        'PS384, PS512, ES256, ES384, ES512, EdDSA',
    ]);
  });

  it('is not blamed for an algorithm that nobody knows', () => {
    const [mistake = '', ...more] = mistakesOf(withAuth({ bearer: { secret, algorithms: ['HS1'] } }));
    expect(mistake).toMatch(/^apps\[0\]\.auth\.bearer\.algorithms\[0\]: expected HS256, .* or EdDSA, got "HS1"$/);
    expect(more).toEqual([]);
  });
});

describe('the paths of the endpoint', () => {
  it('are Laravel’s and Pusher’s unless they are named', () => {
    const { auth } = loaded({ env: { ...appEnv, FANFARE_AUTH_CHANNEL_PATHS: '/auth' } }).config;
    expect(auth).toEqual({
      channelPaths: ['/auth'],
      userPaths: ['/broadcasting/user-auth', '/pusher/user-auth'],
    });
  });

  it.each(['/apps', '/apps/1/events', '/app', '/app/k', '/health', '/up', '/ready', '/stats'])(
    'cannot be %s, which is a path of the server',
    (path) => {
      expect(mistakes({ env: { ...appEnv, FANFARE_AUTH_CHANNEL_PATHS: `/auth,${path}` } })).toEqual([
        `auth.channelPaths[1] (FANFARE_AUTH_CHANNEL_PATHS): is a path of the server itself, got "${path}"`,
      ]);
    },
  );

  it.each(['/apps2', '/application', '/healthy', '/my/apps'])('can be %s', (path) => {
    expect(load({ env: { ...appEnv, FANFARE_AUTH_CHANNEL_PATHS: path } }).ok).toBe(true);
  });

  it.each(['', 'auth', '/', '/auth/', '/a b', '/:a', '/*'])('cannot be %j', (path) => {
    const given = { env: appEnv, files: { 'fanfare.yaml': JSON.stringify({ auth: { userPaths: [path] } }) } };
    expect(mistakesOf(given)).toEqual([
      'auth.userPaths[0]: must be a path such as /broadcasting/auth: letters, digits and "-._~" between slashes, ' +
        `got ${JSON.stringify(path)}`,
    ]);
  });

  it('cannot be named twice, nor for channels and for users, with what is the default', () => {
    const env = { ...appEnv, FANFARE_AUTH_CHANNEL_PATHS: '/a,/a,/pusher/user-auth' };
    expect(mistakes({ env })).toEqual([
      'auth.channelPaths[1] (FANFARE_AUTH_CHANNEL_PATHS): is auth.channelPaths[0] already, got "/a"',
      'auth.userPaths[1] (FANFARE_AUTH_CHANNEL_PATHS): is auth.channelPaths[2] already',
    ]);
  });

  it('cannot begin with the path prefix, which is taken off before', () => {
    const env = { ...appEnv, FANFARE_AUTH_USER_PATHS: '/ws,/ws/user-auth,/wsx' };
    const mistake = 'must not begin with /ws, the path prefix, which is put before it anyway, got';
    expect(mistakes({ env, flags: { path: 'ws/' } })).toEqual([
      `auth.userPaths[0] (FANFARE_AUTH_USER_PATHS): ${mistake} "/ws"`,
      `auth.userPaths[1] (FANFARE_AUTH_USER_PATHS): ${mistake} "/ws/user-auth"`,
    ]);
  });

  it('are checked although something else is wrong', () => {
    const env = { ...appEnv, FANFARE_AUTH_CHANNEL_PATHS: '/up', FANFARE_PORT: 'x' };
    expect(mistakes({ env })).toHaveLength(2);
    const file = { 'fanfare.yaml': '{ auth: { channelPaths: [5, /up] } }' };
    expect(mistakesOf({ env: appEnv, files: file })).toEqual([
      'auth.channelPaths[0]: expected text, got 5: put it in quotes',
      'auth.channelPaths[1]: is a path of the server itself, got "/up"',
    ]);
    expect(mistakesOf({ env: appEnv, files: { 'fanfare.yaml': '{ auth: 5 }' } })).toEqual([
      'auth: expected a group of keys, got 5',
    ]);
  });
});
