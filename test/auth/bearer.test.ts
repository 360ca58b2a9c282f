// Tokens as callers bring them, good and bad ones, each signed by jose or forged by hand.
import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { BearerTokens } from '../../src/auth/bearer.ts';
import { refusals } from '../../src/auth/refusals.ts';
import type { Caller } from '../../src/core/authorization.ts';
import { makeCertificate } from '../support/certificate.ts';
import { Log } from '../support/redis.ts';
import {
  bearing,
  callerWith,
  forge,
  JwksServer,
  makeKey,
  nowSeconds,
  payloadOf,
  SECRET,
  settingsOf,
  signWith,
  signWithSecret,
  type TestKey,
} from './support/tokens.ts';

type Input = Parameters<typeof settingsOf>[0];

let rsa: TestKey;
let otherRsa: TestKey;
let ec: TestKey;
let ed: TestKey;
beforeAll(async () => {
  [rsa, otherRsa, ec, ed] = await Promise.all([
    makeKey('RS256', 'rsa'),
    makeKey('RS256', 'rsa'),
    makeKey('ES256', 'ec'),
    makeKey('EdDSA', 'ed'),
  ]);
});
afterEach(() => vi.useRealTimers());

const tokens = (bearer: Input, log = new Log()) => new BearerTokens(settingsOf(bearer), log.logger);
const withSecret = (bearer: Partial<Input> = {}) => tokens({ secret: SECRET, ...bearer });
const ask = (bearer: BearerTokens, token: string) => bearer.claimsOf(bearing(token));
const refusal = ({ status, message, headers }: ReturnType<typeof refusals.notJwt>) => ({ status, message, headers });
const user = (sub: string) => ({ claims: expect.objectContaining({ sub }) });

async function refusedBy(bearer: BearerTokens, token: string, expected: ReturnType<typeof refusals.notJwt>) {
  await expect(ask(bearer, token)).rejects.toMatchObject(refusal(expected));
}

describe('a token in the request', () => {
  const cookie = { cookie: 'token' };

  test.each(['Bearer', 'bearer', 'BEARER'])('is found after %s in the Authorization header', async (scheme) => {
    const authorization = `${scheme} ${await signWithSecret()}`;
    expect(await withSecret().claimsOf(callerWith({ authorization }))).toEqual(user('7'));
  });

  test.each<[string, (token: string) => string]>([
    ['plain', (token) => `a=1; token=${token}; b=2`],
    ['quoted', (token) => `token="${token}"`],
    ['percent-encoded', (token) => `token=${token.replaceAll('.', '%2E')}`],
    ['without spaces between', (token) => `a=1;token=${token};b`],
    ['after a cookie whose name ends alike', (token) => `my-token=x; token=${token}`],
    ['before another of its name', (token) => `token=${token}; token=x`],
  ])('is found in the cookie: %s', async (_, write) => {
    const caller = callerWith({ cookie: write(await signWithSecret()) });
    expect(await withSecret(cookie).claimsOf(caller)).toEqual(user('7'));
  });

  test('counts in the header, whatever the cookie has', async () => {
    const [first, second] = await Promise.all([signWithSecret({ sub: '1' }), signWithSecret({ sub: '2' })]);
    const bearer = withSecret(cookie);
    const caller = (token: string) => callerWith({ authorization: `Bearer ${token}`, cookie: `token=${second}` });
    expect(await bearer.claimsOf(caller(first))).toEqual(user('1'));
    expect(await bearer.claimsOf(caller('opaque'))).toEqual({ unrecognised: refusals.notJwt() });
  });

  test('is taken from the cookie beside another scheme', async () => {
    const caller = callerWith({ authorization: 'Basic YTpi', cookie: `token=${await signWithSecret()}` });
    expect(await withSecret(cookie).claimsOf(caller)).toEqual(user('7'));
  });

  test.each<[string, Caller['headers']]>([
    ['nothing', {}],
    ['another scheme', { authorization: 'Basic YTpi' }],
    ['a scheme alone', { authorization: 'Bearer ' }],
    ['other cookies', { cookie: 'a=1; tokens=2; token' }],
    ['an empty cookie', { cookie: 'token=' }],
  ])('is missing from %s, which another source may know', async (_, headers) => {
    expect(await withSecret(cookie).claimsOf(callerWith(headers))).toEqual({ unrecognised: refusals.noToken() });
  });

  test('is not looked for in a cookie that is not configured', async () => {
    const caller = callerWith({ cookie: `token=${await signWithSecret()}` });
    expect(await withSecret().claimsOf(caller)).toEqual({ unrecognised: refusals.noToken() });
  });

  test.each<[string, string]>([
    ['one word', '12|opaque'],
    ['two parts', 'a.b'],
    ['encrypted', `${forge({ alg: 'dir', enc: 'A256GCM' }, {}, 'a')}.b.c`],
    ['a header that is not JSON', 'abc.abc.abc'],
    ['a header that is a list', forge([])],
    ['characters of no base64url', 'e30.a+/=.b'],
    ['a broken percent code', '%'],
  ])('that is no JSON Web Token may be known to another source: %s', async (_, token) => {
    const unrecognised = { unrecognised: refusals.notJwt() };
    expect(await ask(withSecret(), token)).toEqual(unrecognised);
    expect(await withSecret(cookie).claimsOf(callerWith({ cookie: `token=${token}` }))).toEqual(unrecognised);
  });

  test('may have 12,288 bytes and no more, whatever it is', async () => {
    const bearer = withSecret();
    expect(await ask(bearer, 'x'.repeat(12_288))).toEqual({ unrecognised: refusals.notJwt() });
    const tooLarge = refusals.tokenTooLarge(12_288);
    await refusedBy(bearer, 'x'.repeat(12_289), tooLarge);
    await refusedBy(bearer, 'é'.repeat(6145), tooLarge);
    await refusedBy(bearer, await signWithSecret({ pad: 'x'.repeat(12_288) }), tooLarge);
  });
});

describe('a good token', () => {
  test.each(['HS256', 'HS384', 'HS512'] as const)('of a secret may be signed with %s', async (algorithm) => {
    const token = await signWithSecret({}, SECRET, algorithm);
    expect(await ask(withSecret({ algorithms: [algorithm] }), token)).toEqual(user('7'));
  });

  test.each(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'])('of an RSA key may be %s', async (algorithm) => {
    const key = await makeKey(algorithm);
    expect(await ask(tokens({ publicKey: key.pem }), await signWith(key))).toEqual(user('7'));
  });

  test.each(['ES256', 'ES384', 'ES512', 'EdDSA'])('may be of an %s key', async (algorithm) => {
    const key = await makeKey(algorithm);
    expect(await ask(tokens({ publicKey: key.pem }), await signWith(key))).toEqual(user('7'));
  });

  test('may be of any key of a key set', async () => {
    await using jwks = await JwksServer.start(rsa, ec, ed);
    const bearer = tokens({ jwksUrl: jwks.url });
    const pss = await makeKey('PS256', 'pss');
    jwks.serve(rsa.jwk, ec.jwk, ed.jwk, pss.jwk);
    for (const key of [rsa, ec, ed, pss]) expect(await ask(bearer, await signWith(key))).toEqual(user('7'));
    expect(jwks.requests).toBe(1);
    bearer.stop();
    bearer.stop();
  });

  test('without kid is of the one of several keys that verifies it', async () => {
    const [first, second, third] = await Promise.all([makeKey('ES256'), makeKey('ES256'), makeKey('ES256')]);
    await using jwks = await JwksServer.start(first, second);
    const bearer = tokens({ jwksUrl: jwks.url });
    expect(await ask(bearer, await signWith(second))).toEqual(user('7'));
    await refusedBy(bearer, await signWith(third), refusals.signature());
    await refusedBy(bearer, await signWith(second, { exp: 1 }), refusals.expired());
    await refusedBy(bearer, await signWith(second, { exp: undefined }), refusals.malformedClaim('exp'));
    bearer.stop();
  });

  test('gives its claims as they are', async () => {
    const claims = { sub: 'ü', roles: ['a'], nested: { a: null }, iat: 1, exp: nowSeconds() + 60 };
    expect(await ask(withSecret(), await signWithSecret(claims))).toEqual({ claims });
  });
});

describe('a token is refused', () => {
  test('when it has expired, up to the tolerance', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_000_000 });
    const bearer = withSecret({ clockToleranceSeconds: 10 });
    expect(await ask(bearer, await signWithSecret({ exp: 1_799_999_991 }))).toEqual(user('7'));
    await refusedBy(bearer, await signWithSecret({ exp: 1_799_999_990 }), refusals.expired());
    await refusedBy(
      withSecret({ clockToleranceSeconds: 0 }),
      await signWithSecret({ exp: nowSeconds() }),
      refusals.expired(),
    );
  });

  test.each([
    ['nbf', refusals.notYetValid],
    ['iat', refusals.issuedInFuture],
  ] as const)('when its %s is in the future, up to the tolerance', async (claim, expected) => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_000_000 });
    const bearer = withSecret({ clockToleranceSeconds: 10 });
    expect(await ask(bearer, await signWithSecret({ [claim]: 1_800_000_010 }))).toEqual(user('7'));
    await refusedBy(bearer, await signWithSecret({ [claim]: 1_800_000_011 }), expected());
  });

  test('without exp, unless none is required', async () => {
    const token = await signWithSecret({ exp: undefined });
    await refusedBy(withSecret(), token, refusals.malformedClaim('exp'));
    const lenient = withSecret({ requireExpiry: false });
    expect(await ask(lenient, token)).toEqual(user('7'));
    await refusedBy(lenient, await signWithSecret({ exp: 1 }), refusals.expired());
  });

  test.each(['exp', 'nbf', 'iat'])('when its %s is not a number', async (claim) => {
    await refusedBy(withSecret(), await signWithSecret({ [claim]: '1' }), refusals.malformedClaim(claim));
  });

  test('when it is of another issuer, or of none', async () => {
    const bearer = withSecret({ issuer: 'https://us' });
    expect(await ask(bearer, await signWithSecret({ iss: 'https://us' }))).toEqual(user('7'));
    await refusedBy(bearer, await signWithSecret({ iss: 'https://them' }), refusals.issuer());
    await refusedBy(bearer, await signWithSecret(), refusals.malformedClaim('iss'));
  });

  test('when it is for another audience, or for none', async () => {
    const bearer = withSecret({ audience: ['a', 'b'] });
    for (const aud of ['b', ['x', 'a']]) expect(await ask(bearer, await signWithSecret({ aud }))).toEqual(user('7'));
    for (const aud of ['c', ['c'], [], 1]) await refusedBy(bearer, await signWithSecret({ aud }), refusals.audience());
    await refusedBy(bearer, await signWithSecret(), refusals.malformedClaim('aud'));
  });

  test('when it is signed with another secret or key', async () => {
    await refusedBy(withSecret(), await signWithSecret({}, `${SECRET}!`), refusals.signature());
    await refusedBy(tokens({ publicKey: rsa.pem }), await signWith(otherRsa), refusals.signature());
    await using jwks = await JwksServer.start(rsa);
    await refusedBy(tokens({ jwksUrl: jwks.url }), await signWith(otherRsa), refusals.signature());
  });

  test('when its payload was changed', async () => {
    const [header, , signature] = (await signWithSecret()).split('.');
    const [, payload] = forge({}, payloadOf({ sub: 'admin' })).split('.');
    await refusedBy(withSecret(), `${header}.${payload}.${signature}`, refusals.signature());
  });

  test('when its signature was cut', async () => {
    await refusedBy(withSecret(), (await signWithSecret()).replace(/[^.]*$/, ''), refusals.signature());
  });

  test.each<[string, () => Promise<string>]>([
    ['has no alg', async () => forge({ typ: 'JWT' })],
    ['needs an extension', async () => signedWith({ alg: 'HS256', crit: ['exp-2'], 'exp-2': 1 }, { 'exp-2': true })],
    ['has an unencoded payload', async () => forge({ alg: 'HS256', crit: ['b64'], b64: 'x' })],
    ['has a payload that is a list', async () => forged(SECRET, '[]')],
  ])('when it %s', async (_, make) => {
    await refusedBy(withSecret(), await make(), refusals.notJwt());
  });
});

describe('an algorithm is not the token’s choice', () => {
  const algorithm = refusals.algorithm();

  test.each(['none', 'None', 'NONE', ''])('as in alg “%s”', async (alg) => {
    await using jwks = await JwksServer.start(rsa);
    const expected = alg === '' ? refusals.notJwt() : algorithm;
    const [header, payload] = forge({ alg, kid: 'rsa' }).split('.');
    for (const bearer of [withSecret(), tokens({ publicKey: rsa.pem }), tokens({ jwksUrl: jwks.url })]) {
      await refusedBy(bearer, `${header}.${payload}.`, expected);
      await refusedBy(bearer, `${header}.${payload}.AAAA`, expected);
    }
  });

  test('as in HS256 with the public key as the secret', async () => {
    await using jwks = await JwksServer.start(rsa);
    for (const secret of [rsa.pem, rsa.pem.trim(), JSON.stringify(rsa.jwk)]) {
      const token = await signWithSecret({}, secret);
      await refusedBy(tokens({ publicKey: rsa.pem }), token, algorithm);
      await refusedBy(tokens({ publicKey: rsa.pem, algorithms: ['HS256', 'RS256'] }), token, algorithm);
      await refusedBy(tokens({ jwksUrl: jwks.url }), token, algorithm);
    }
  });

  test('as in HS256 with a secret key that stands in a key set', async () => {
    await using jwks = await JwksServer.start(rsa);
    jwks.serve({ kty: 'oct', kid: 'shared', k: Buffer.from(SECRET).toString('base64url'), alg: 'HS256' });
    const token = await signedWith({ alg: 'HS256', kid: 'shared' });
    await refusedBy(tokens({ jwksUrl: jwks.url }), token, algorithm);
    await refusedBy(tokens({ jwksUrl: jwks.url, algorithms: ['HS256', 'RS256'] }), token, algorithm);
  });

  test('but one of those that are configured and fit the key', async () => {
    const [ps, hs384] = [await makeKey('PS256'), await signWithSecret({}, SECRET, 'HS384')];
    await refusedBy(withSecret(), hs384, algorithm);
    await refusedBy(withSecret({ algorithms: ['HS256', 'HS512', 'RS256'] }), hs384, algorithm);
    await refusedBy(tokens({ publicKey: ps.pem, algorithms: ['RS256'] }), await signWith(ps), algorithm);
    await refusedBy(tokens({ publicKey: ec.pem }), await signWith(rsa), algorithm);
    await refusedBy(tokens({ publicKey: ec.pem }), await signWith(await makeKey('ES384')), algorithm);
    await refusedBy(tokens({ publicKey: ed.pem }), await signWith(ec), algorithm);
    await using jwks = await JwksServer.start(ec, rsa);
    await refusedBy(tokens({ jwksUrl: jwks.url, algorithms: ['RS256'] }), await signWith(ec), algorithm);
  });
});

describe('a public key', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fanfare-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const pem = (key: KeyObject, type: 'spki' | 'pkcs1') => String(key.export({ type: type as 'pkcs1', format: 'pem' }));

  test('may be SPKI, PKCS#1 or a certificate, as text or in a file', async () => {
    const spki = createPublicKey(rsa.pem);
    const token = await signWith(rsa);
    for (const text of [rsa.pem, pem(spki, 'pkcs1'), `Bag attributes\n${rsa.pem}\n`]) {
      expect(await ask(tokens({ publicKey: text }), token)).toEqual(user('7'));
      expect(await ask(tokens({ publicKeyFile: file('key.pem', text) }), token)).toEqual(user('7'));
    }
    const { certFile, keyFile } = makeCertificate(folder);
    const signing = createPrivateKey(readFileSync(keyFile));
    const signed = await new SignJWT(payloadOf()).setProtectedHeader({ alg: 'ES256' }).sign(signing);
    expect(await ask(tokens({ publicKeyFile: certFile }), signed)).toEqual(user('7'));
  });

  test('is refused when it is a private one, in whatever form', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const forms = [
      privateKey.export({ type: 'pkcs8', format: 'pem' }),
      privateKey.export({ type: 'pkcs1', format: 'pem' }),
      privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'x' }),
      rsa.pem + privateKey.export({ type: 'pkcs8', format: 'pem' }),
    ];
    for (const text of forms) {
      expect(() => tokens({ publicKey: String(text) })).toThrow(
        'auth.bearer.publicKey: is a private key: give the public one (openssl pkey -in FILE -pubout)',
      );
    }
  });

  test.each<[string, () => string, string]>([
    ['text', () => 'nonsense', 'is not a public key in PEM'],
    [
      '1024 bits of RSA',
      () => spkiOf('rsa', { modulusLength: 1024 }),
      'is an RSA key of 1024 bits: it must be RSA of 2048 bits or more',
    ],
    ['X25519', () => spkiOf('x25519'), 'is a key of type x25519: it must be'],
    ['another curve', () => spkiOf('ec', { namedCurve: 'secp256k1' }), 'is a key of type secp256k1: it must be'],
  ])('is refused when it is %s', (_, make, message) => {
    expect(() => tokens({ publicKey: make() })).toThrow(`auth.bearer.publicKey: ${message}`);
  });

  test('is refused when its file is not there', () => {
    expect(() => tokens({ publicKeyFile: '/nowhere/key.pem' })).toThrow(
      /^auth\.bearer\.publicKeyFile: ENOENT.*\/nowhere\/key\.pem/,
    );
  });
});

describe('a key set as the source of keys', () => {
  test('follows a rotation: the new key is taken, the removed one is unknown', async () => {
    await using jwks = await JwksServer.start(ec);
    const bearer = tokens({ jwksUrl: jwks.url });
    const next = await makeKey('ES256', 'next');
    const [before, after] = [await signWith(ec), await signWith(next)];
    expect(await ask(bearer, before)).toEqual(user('7'));
    jwks.serve(next.jwk);
    expect(await ask(bearer, after)).toEqual(user('7'));
    await refusedBy(bearer, before, refusals.unknownKey());
    bearer.stop();
  });

  test('is 503 when it cannot be reached, and nobody is allowed', async () => {
    const jwks = await JwksServer.start(ec);
    const bearer = tokens({ jwksUrl: jwks.url });
    await jwks[Symbol.asyncDispose]();
    await refusedBy(bearer, await signWith(ec), refusals.keysUnavailable(5));
  });

  test('is 503 when it is slower than configured', async () => {
    await using jwks = await JwksServer.start(ec);
    jwks.hang();
    const bearer = tokens({ jwksUrl: jwks.url, jwksTimeoutSeconds: 1 });
    await refusedBy(bearer, await signWith(ec), refusals.keysUnavailable(5));
  });

  test('with nothing but a private key is no key set, and allows nothing', async () => {
    await using jwks = await JwksServer.start(ec);
    jwks.serve({ ...(await exportJWK(ec.privateKey)), kid: 'ec' });
    await expect(ask(tokens({ jwksUrl: jwks.url }), await signWith(ec))).rejects.toMatchObject({ status: 503 });
  });
});

test('no token, no part of one and no claim is ever logged', async () => {
  const log = new Log();
  await using jwks = await JwksServer.start(ec);
  const unknown = await makeKey('ES256', 'unknown-kid');
  const bearers = [
    tokens({ secret: SECRET, cookie: 'token' }, log),
    tokens({ publicKey: ec.pem, cookie: 'token' }, log),
    tokens({ jwksUrl: jwks.url, cookie: 'token' }, log),
  ];
  const asked = await Promise.all([
    signWithSecret({ sub: 'visible' }),
    signWith(ec, { sub: 'visible' }),
    signWith(ec, { sub: 'visible', exp: 1 }),
    signWith(unknown, { sub: 'visible' }),
    forge({ alg: 'none' }, payloadOf({ sub: 'visible' })),
    'opaque-token',
    'x'.repeat(12_289),
  ]);
  const askAll = async () => {
    for (const token of asked) {
      for (const bearer of bearers) {
        await bearer.claimsOf(bearing(token)).catch(() => {});
        await bearer.claimsOf(callerWith({ cookie: `token=${token}` })).catch(() => {});
      }
    }
  };
  await askAll();
  await askAll();
  expect(log.entries).not.toEqual([]);
  const logged = JSON.stringify(log.entries);
  for (const part of asked.flatMap((token) => token.split('.')).filter((text) => text !== '')) {
    expect(logged).not.toContain(part);
  }
  expect(logged).not.toMatch(/visible|unknown-kid|hush/);
  for (const bearer of bearers) bearer.stop();
});

function spkiOf(type: 'rsa' | 'ec' | 'x25519', options: object = {}): string {
  const { publicKey } = generateKeyPairSync(type as 'rsa', options as { modulusLength: number });
  return String(publicKey.export({ type: 'spki', format: 'pem' }));
}

/** Signed with the secret under any header. */
function signedWith(
  header: { alg: string; [name: string]: unknown },
  crit: Record<string, boolean> = {},
): Promise<string> {
  return new SignJWT(payloadOf()).setProtectedHeader(header).sign(Buffer.from(SECRET), { crit });
}

/** Signed with the secret over any payload. */
function forged(secret: string, payload: string): string {
  const [header] = forge({ alg: 'HS256' }).split('.');
  const text = `${header}.${Buffer.from(payload).toString('base64url')}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}
