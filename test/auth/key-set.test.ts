// A key set, fetched from a real server whose moods change; the clock is the test's.
import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { KeySet, type KeySetOptions } from '../../src/auth/key-set.ts';
import { Log } from '../support/redis.ts';
import { JwksServer, makeKey, type TestKey } from './support/tokens.ts';

const MINUTES = 60_000;
const UNAVAILABLE = { status: 503, message: expect.stringContaining('cannot be fetched') };
const UNKNOWN = { code: 'ERR_JWKS_NO_MATCHING_KEY' };
const FAILED = 'the key set cannot be fetched';
const BACK = 'the key set can be fetched again';
const REFUSED = 'tokens are refused whose key is not in the key set';

let old: TestKey;
let fresh: TestKey;
beforeAll(async () => {
  [old, fresh] = await Promise.all([makeKey('ES256', 'old'), makeKey('ES256', 'new')]);
});

class Fixture implements AsyncDisposable {
  readonly jwks: JwksServer;
  readonly log = new Log();
  readonly keySet: KeySet;
  nowMs = 1000;

  constructor(jwks: JwksServer, options: Partial<KeySetOptions>) {
    this.jwks = jwks;
    const all = { url: jwks.url, timeoutMs: 10_000, maxAgeMs: 60 * MINUTES, now: () => this.nowMs, ...options };
    this.keySet = new KeySet(all, this.log.logger);
  }

  find(kid: string): Promise<unknown> {
    return this.keySet.keyFor({ alg: 'ES256', kid }, { payload: '', signature: '' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.keySet.stop();
    await this.jwks[Symbol.asyncDispose]();
  }
}

async function fixture(options: Partial<KeySetOptions> = {}): Promise<Fixture> {
  return new Fixture(await JwksServer.start(old), options);
}

describe('a key set', () => {
  test('is fetched at first use, once for all who ask, and kept', async () => {
    await using set = await fixture();
    expect(set.jwks.requests).toBe(0);
    const found = await Promise.all(Array.from({ length: 20 }, () => set.find('old')));
    expect(new Set(found).size).toBe(1);
    set.nowMs += 10 * MINUTES - 1;
    await set.find('old');
    expect(set.jwks.requests).toBe(1);
  });

  test('that is stale is used at once while one refresh runs, and takes the new keys and no removed one after', async () => {
    await using set = await fixture();
    await set.find('old');
    set.nowMs += 10 * MINUTES;
    set.jwks.hang();
    await Promise.all(Array.from({ length: 20 }, () => set.find('old')));
    await set.jwks.arrived(2);
    const joined = set.find('new');
    set.jwks.serve(fresh.jwk);
    set.jwks.release();
    await joined;
    expect(set.jwks.requests).toBe(2);
    await expect(set.find('old')).rejects.toMatchObject(UNKNOWN);
  });

  test('is fetched again, and waited for, when a token names a key it does not have', async () => {
    await using set = await fixture();
    await set.find('old');
    set.jwks.serve(old.jwk, fresh.jwk);
    await Promise.all([set.find('new'), set.find('new')]);
    expect(set.jwks.requests).toBe(2);
  });

  test('that was fetched for a token is not fetched again for it', async () => {
    await using set = await fixture();
    await expect(set.find('new')).rejects.toMatchObject(UNKNOWN);
    expect(set.jwks.requests).toBe(1);
  });

  test('is fetched once per 30 seconds in a flood of unknown keys, and one line is logged', async () => {
    await using set = await fixture();
    await set.find('old');
    const flood = () => Promise.allSettled(Array.from({ length: 50 }, (_, index) => set.find(`unknown-${index}`)));
    for (const requests of [2, 3]) {
      const refused = [...(await flood()), ...(await flood())];
      expect(refused.every((result) => result.status === 'rejected' && result.reason.code === UNKNOWN.code)).toBe(true);
      set.nowMs += 29_999;
      await flood();
      expect(set.jwks.requests).toBe(requests);
      expect(set.log.count(REFUSED)).toBe(requests - 1);
      set.nowMs += 1;
    }
    await set.find('old');
    expect(JSON.stringify(set.log.entries)).not.toContain('unknown-');
  });

  test('says 503 in an outage for a key it does not have: it may be a new one', async () => {
    await using set = await fixture();
    await set.find('old');
    set.jwks.say('', 500);
    await expect(set.find('new')).rejects.toMatchObject(UNAVAILABLE);
    await expect(set.find('new')).rejects.toMatchObject(UNAVAILABLE);
    expect(set.jwks.requests).toBe(2);
    set.jwks.serve(fresh.jwk);
    set.nowMs += 5000;
    await set.find('new');
    expect(set.log.count(BACK)).toBe(1);
  });
});

describe('a key set that cannot be fetched', () => {
  test('is 503 with when to try again, tried once in 5 seconds, and logged once per outage', async () => {
    await using set = await fixture();
    set.jwks.say('', 500);
    await expect(set.find('old')).rejects.toMatchObject({ ...UNAVAILABLE, headers: { 'retry-after': '5' } });
    set.nowMs += 4000;
    await expect(set.find('old')).rejects.toMatchObject({ ...UNAVAILABLE, headers: { 'retry-after': '1' } });
    expect(set.jwks.requests).toBe(1);
    set.nowMs += 1000;
    await expect(set.find('old')).rejects.toMatchObject(UNAVAILABLE);
    expect(set.jwks.requests).toBe(2);
    expect(set.log.count(FAILED)).toBe(1);

    set.jwks.serve(old.jwk);
    set.nowMs += 5000;
    await set.find('old');
    expect(set.log.entries.map(({ level, msg }) => [level, msg])).toEqual([
      [40, FAILED],
      [30, BACK],
    ]);
    set.jwks.say('', 500);
    set.nowMs += 60 * MINUTES;
    await expect(set.find('old')).rejects.toMatchObject(UNAVAILABLE);
    expect(set.log.count(FAILED)).toBe(2);
  });

  test('leaves the last good keys, up to the age limit', async () => {
    await using set = await fixture();
    await set.find('old');
    set.jwks.say('', 500);
    const failed = set.log.next(FAILED);
    set.nowMs += 60 * MINUTES - 1;
    await set.find('old');
    await failed;
    await set.find('old');
    set.nowMs += 1;
    await expect(set.find('old')).rejects.toMatchObject(UNAVAILABLE);
    set.jwks.serve(old.jwk);
    set.nowMs += 5000;
    await set.find('old');
  });

  test.each<[string, string, (jwks: JwksServer) => void]>([
    ['an error', 'the answer’s status is 500', (jwks) => jwks.say('{"keys":[]}', 500)],
    ['an empty success', 'the answer’s status is 204', (jwks) => jwks.say('', 204)],
    ['no JSON', 'the answer is not a JSON Web Key Set', (jwks) => jwks.say('<html>')],
    ['no UTF-8', 'the answer is not UTF-8', (jwks) => jwks.say(Buffer.from([0xff]))],
    ['no keys', 'the answer is not a JSON Web Key Set', (jwks) => jwks.say('{"key":[]}')],
    ['keys that are none', 'none of its keys can be used', (jwks) => jwks.serve(1, null, 'key', {})],
    ['keys that are no list', 'the answer is not a JSON Web Key Set', (jwks) => jwks.say('{"keys":{}}')],
    ['more than 256 KB', 'the answer is larger than 262144 bytes', (jwks) => jwks.say(' '.repeat(262_145))],
    ['a closed connection', 'UND_ERR_SOCKET', (jwks) => jwks.drop()],
  ])('is one that answers with %s', async (_, cause, change) => {
    await using set = await fixture();
    change(set.jwks);
    await expect(set.find('old')).rejects.toMatchObject(UNAVAILABLE);
    const { origin } = set.jwks;
    expect(set.log.entries).toMatchObject([{ level: 40, msg: FAILED, origin, cause }]);
    expect(JSON.stringify(set.log.entries)).not.toContain('hush');
  });

  test('is one that redirects: it is not followed', async () => {
    await using other = await JwksServer.start(old);
    await using set = await fixture();
    set.jwks.say('', 302, { location: other.url });
    await expect(set.find('old')).rejects.toMatchObject(UNAVAILABLE);
    expect(other.requests).toBe(0);
    expect(set.log.entries).toMatchObject([{ cause: 'the answer’s status is 302' }]);
  });

  test.each<[string, (jwks: JwksServer) => void]>([
    ['does not answer', (jwks) => jwks.hang()],
    ['does not end its answer', (jwks) => jwks.stall('{"keys":')],
  ])('is one that %s in time', async (_, change) => {
    await using set = await fixture({ timeoutMs: 50 });
    change(set.jwks);
    await expect(set.find('old')).rejects.toMatchObject(UNAVAILABLE);
    expect(set.log.entries).toMatchObject([{ cause: 'no answer within 50 ms' }]);
  });

  test('is one whose server is not there', async () => {
    await using set = await fixture();
    const { origin } = set.jwks;
    await set.jwks[Symbol.asyncDispose]();
    await expect(set.find('old')).rejects.toMatchObject(UNAVAILABLE);
    expect(set.log.entries).toMatchObject([{ origin, cause: 'ECONNREFUSED' }]);
  });
});

describe('a key set with keys that cannot be used', () => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
  const bad: readonly unknown[] = [
    null,
    'key',
    { kty: 'oct', k: 'c2VjcmV0', kid: 'new' },
    { ...weak, kid: 'new' },
    { ...own, kid: 'new' },
    { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'new' },
    { kty: 'RSA', kid: 'new' },
  ];

  test('does without them, and says how many there are, once', async () => {
    await using set = await fixture();
    set.jwks.serve(...bad, old.jwk);
    await set.find('old');
    await expect(set.find('new')).rejects.toMatchObject(UNKNOWN);
    const { origin } = set.jwks;
    const warning = { level: 40, msg: 'the key set has keys that cannot be used', origin, keys: bad.length };
    expect(set.log.entries).toMatchObject([warning]);
  });

  test.each(bad.map((jwk) => [jwk]))('is asked again for another: %j', async (jwk) => {
    await using set = await fixture();
    set.jwks.serve(jwk, old.jwk);
    await set.find('old');
    set.jwks.serve(fresh.jwk);
    await set.find('new');
  });
});

describe('a key set that is stopped', () => {
  test('ends the fetch under way, starts no other, and logs nothing', async () => {
    await using set = await fixture();
    set.jwks.hang();
    const waiting = set.find('old');
    const refused = expect(waiting).rejects.toMatchObject(UNAVAILABLE);
    await set.jwks.arrived(1);
    set.keySet.stop();
    set.keySet.stop();
    await refused;
    set.nowMs += 5000;
    await expect(set.find('old')).rejects.toMatchObject(UNAVAILABLE);
    expect(set.jwks.requests).toBe(1);
    expect(set.log.entries).toEqual([]);
  });

  test('has a clock of its own where none is given', async () => {
    await using jwks = await JwksServer.start(old);
    const keySet = new KeySet({ url: jwks.url, timeoutMs: 10_000, maxAgeMs: MINUTES }, new Log().logger);
    await keySet.keyFor({ alg: 'ES256', kid: 'old' });
    await keySet.keyFor({ alg: 'ES256', kid: 'old' });
    keySet.stop();
    expect(jwks.requests).toBe(1);
  });
});
