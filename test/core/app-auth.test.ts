// The auth of an app as configured: its defaults, and what is refused.
import { describe, expect, test } from 'vitest';
import { appAuthSchema } from '../../src/core/app-auth.ts';

const secret = 'a secret of thirty-two bytes, yes';
const bearer = { secret };
const upstream = { url: 'http://127.0.0.1:8000/broadcasting/auth' };

test('the defaults', () => {
  expect(appAuthSchema.parse({ bearer, upstream })).toEqual({
    order: ['bearer', 'upstream'],
    bearer: {
      secret,
      jwksTimeoutSeconds: 5,
      jwksMaxAgeSeconds: 86_400,
      algorithms: [],
      audience: [],
      clockToleranceSeconds: 10,
      requireExpiry: true,
      userId: 'sub',
      userInfo: {},
    },
    upstream: {
      ...upstream,
      headers: [],
      timeoutSeconds: 5,
      concurrency: 50,
      breakAfterFailures: 10,
      breakSeconds: 5,
    },
    rules: [],
    grants: 'plain',
  });
});

test('nothing is assumed where there is no auth, and one source is enough', () => {
  expect(appAuthSchema.parse(undefined)).toBeUndefined();
  expect(appAuthSchema.parse({ bearer })).not.toHaveProperty('upstream');
  expect(appAuthSchema.parse({ upstream })).not.toHaveProperty('bearer');
});

test('line breaks of a public key may be written as \\n, as variables have them', () => {
  expect(appAuthSchema.parse({ bearer: { publicKey: 'a\\nb' } })?.bearer?.publicKey).toBe('a\nb');
});

test.each(['private-user.{sub}', 'presence-{https://id.example/claim}.{a.b}*', 'private-encrypted-*', '*'])(
  'takes the rule %s',
  (channel) => {
    const rules = [{ channel, allow: 'authenticated' }];
    expect(appAuthSchema.parse({ bearer, rules })?.rules).toEqual(rules);
  },
);

describe('refused', () => {
  const inBearer = (settings: object) => ({ bearer: { ...bearer, ...settings } });
  const inUpstream = (settings: object) => ({ upstream: { ...upstream, ...settings } });
  const withRule = (rule: object) => ({ bearer, rules: [rule] });

  test.each<[what: string, auth: object, path: string]>([
    ['nobody to ask', {}, ''],
    ['an unknown key', { bearer, rule: [] }, ''],
    ['nobody in order', { bearer, order: [] }, 'order'],
    ['only those in order who are not configured', { bearer, order: ['upstream'] }, 'order'],
    ['somebody unknown in order', { bearer, order: ['bearer', 'cookie'] }, 'order.1'],
    ['unknown grants', { bearer, grants: 'all' }, 'grants'],
    ['no key', { bearer: {} }, 'bearer'],
    ['two keys', inBearer({ jwksUrl: 'https://id.example/keys' }), 'bearer'],
    ['a secret of 31 bytes', inBearer({ secret: 'x'.repeat(31) }), 'bearer.secret'],
    ['a PEM key as the secret', inBearer({ secret: `-----BEGIN PUBLIC KEY-----${secret}` }), 'bearer.secret'],
    ['an unknown algorithm', inBearer({ algorithms: ['none'] }), 'bearer.algorithms.0'],
    ['an empty audience', inBearer({ audience: [''] }), 'bearer.audience.0'],
    ['a cookie with a semicolon', inBearer({ cookie: 'a;b' }), 'bearer.cookie'],
    ['a negative tolerance', inBearer({ clockToleranceSeconds: -1 }), 'bearer.clockToleranceSeconds'],
    ['no name of a claim', inBearer({ userInfo: { name: '' } }), 'bearer.userInfo.name'],
    ['a key set by ftp', { bearer: { jwksUrl: 'ftp://id.example/keys' } }, 'bearer.jwksUrl'],
    ['a key set with a password', { bearer: { jwksUrl: 'https://u:p@id.example/keys' } }, 'bearer.jwksUrl'],
    ['an application without a URL', { upstream: {} }, 'upstream.url'],
    ['an application without a host', inUpstream({ url: 'http:///auth' }), 'upstream.url'],
    ['an application behind a fragment', inUpstream({ userUrl: 'http://a/b#c' }), 'upstream.userUrl'],
    ['a header with a space', inUpstream({ headers: ['a b'] }), 'upstream.headers.0'],
    ['a time that no timer takes', inUpstream({ timeoutSeconds: 2_147_484 }), 'upstream.timeoutSeconds'],
    ['a pause that no timer takes', inUpstream({ breakSeconds: 2_147_484 }), 'upstream.breakSeconds'],
    [
      'a fetch that no timer takes',
      { bearer: { jwksUrl: 'http://a/', jwksTimeoutSeconds: 2_147_484 } },
      'bearer.jwksTimeoutSeconds',
    ],
    ['no time to answer', inUpstream({ timeoutSeconds: 0 }), 'upstream.timeoutSeconds'],
    ['a public channel', withRule({ channel: 'news.{sub}' }), 'rules.0.channel'],
    ['a prefix out of a claim', withRule({ channel: '{sub}' }), 'rules.0.channel'],
    ['a brace that is not closed', withRule({ channel: 'private-{sub', allow: 'authenticated' }), 'rules.0.channel'],
    ['a brace that was not opened', withRule({ channel: 'private-sub}', allow: 'authenticated' }), 'rules.0.channel'],
    ['a claim without a name', withRule({ channel: 'private-{}' }), 'rules.0.channel'],
    ['nothing to compare and no allow', withRule({ channel: 'private-*' }), 'rules.0.allow'],
    ['an unknown allow', withRule({ channel: 'private-*', allow: 'everybody' }), 'rules.0.allow'],
    ['asking an application there is none of', withRule({ channel: '*', allow: 'upstream' }), 'rules.0.allow'],
  ])('%s', (_, auth, path) => {
    const { error } = appAuthSchema.safeParse(auth);
    expect(error?.issues.map((issue) => issue.path.join('.'))).toEqual([path]);
  });

  test('is all at once', () => {
    const rules = [{ channel: '*', allow: 'upstream' }, { channel: 5 }];
    const { error } = appAuthSchema.safeParse({ bearer: { issuer: '' }, rules, order: ['upstream'] });
    expect(error?.issues.map((issue) => issue.path.join('.')).sort()).toEqual([
      'bearer',
      'bearer.issuer',
      'order',
      'rules.0.allow',
      'rules.1.channel',
    ]);
  });
});
