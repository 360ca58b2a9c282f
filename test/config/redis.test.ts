// Where Redis is, as configured: every form there is, and what does not go together.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { effectiveLines } from '../../src/cli/effective-config.ts';
import { makeCertificate } from '../support/certificate.ts';
import { appEnv, loaded, mistakes } from './loading.ts';

const folder = mkdtempSync(join(tmpdir(), 'fanfare-config-'));
const { certFile, keyFile } = makeCertificate(folder);
const pem = { 'cert.pem': readFileSync(certFile, 'utf8'), 'key.pem': readFileSync(keyFile, 'utf8') };
rmSync(folder, { recursive: true });

const app = 'apps:\n  - { id: a, key: k, secret: s }\n';
const asFile = (redis: object) => ({ ...pem, 'fanfare.yaml': `${app}redis: ${JSON.stringify(redis)}\n` });
/** Without the place in the file, which is where a group of one line begins. */
const refused = (redis: object) =>
  mistakes({ files: asFile(redis) }).map((mistake) => mistake.replace(/ \(fanfare.yaml:\d+:\d+\)/, ''));

describe('where Redis is', () => {
  it.each([
    { url: 'rediss://u:p@h:1/2', caFile: 'cert.pem' },
    { sentinels: ['a:26379', '[::1]:26380'], sentinelName: 'mymaster', sentinelUsername: 'u', sentinelPassword: 'p' },
    { cluster: ['a.internal:7000', '10.0.0.1:7001'], prefix: 'a:' },
    { tls: true, caFile: 'cert.pem', certFile: 'cert.pem', keyFile: 'key.pem', serverName: 'redis.internal' },
    { cluster: ['a:1'], tls: true, db: 0 },
  ])('%j is taken as it is', (redis) => {
    expect(loaded({ files: asFile(redis) }).config.redis).toMatchObject(redis);
  });

  it('is a list of addresses in variables', () => {
    const env = { ...appEnv, FANFARE_REDIS_SENTINELS: 'a:1, [::1]:2', FANFARE_REDIS_SENTINEL_NAME: 'mymaster' };
    expect(loaded({ env }).config.redis).toMatchObject({ sentinels: ['a:1', '[::1]:2'], sentinelName: 'mymaster' });
    expect(loaded({ env: { ...appEnv, FANFARE_REDIS_CLUSTER: 'a:1' } }).config.redis.cluster).toEqual(['a:1']);
  });

  it('is what a Laravel .env says, whose name for the channel of Reverb tells deployments apart', () => {
    const env = {
      REDIS_HOST: 'redis.internal',
      REDIS_PORT: '6380',
      REDIS_USERNAME: 'me',
      REDIS_PASSWORD: 'pw',
      REDIS_DB: '3',
      REVERB_SCALING_CHANNEL: 'shop',
    };
    const redis = { host: 'redis.internal', port: 6380, username: 'me', password: 'pw', db: 3, prefix: 'shop' };
    expect(loaded({ env: { ...appEnv, ...env } }).config.redis).toMatchObject(redis);
    const url = { REDIS_URL: 'rediss://h', FANFARE_REDIS_PREFIX: 'mine:' };
    expect(loaded({ env: { ...appEnv, ...env, ...url } }).config.redis).toMatchObject({
      url: 'rediss://h',
      prefix: 'mine:',
    });
  });
});

describe('what is secret of it', () => {
  it('is not shown, by no form of it', () => {
    const sentinels = { sentinels: ['a:1'], sentinelName: 'm', sentinelUsername: 'u', sentinelPassword: 'hush-1' };
    for (const redis of [{ ...sentinels, password: 'hush-2', busSecret: 'hush-3' }, { url: 'rediss://u:hush-4@h' }]) {
      const shown = effectiveLines({ ok: true, ...loaded({ files: asFile(redis) }) }).join('\n');
      expect(shown).not.toContain('hush');
      expect(shown).toContain('redis.sentinelPassword');
    }
  });
});

describe('what does not go together', () => {
  it.each([
    [{ url: 'redis://h', cluster: ['a:1'] }, 'url: cannot be given together with redis.cluster: say one of them'],
    [
      { url: 'redis://h', sentinels: ['a:1'], sentinelName: 'm' },
      'url: cannot be given together with redis.sentinels: say one of them',
    ],
    [
      { sentinels: ['a:1'], sentinelName: 'm', cluster: ['a:1'] },
      'sentinels: cannot be given together with redis.cluster: say one of them',
    ],
    [{ sentinels: ['a:1'] }, 'sentinels: needs redis.sentinelName beside it'],
    [{ sentinelName: 'm' }, 'sentinelName: needs redis.sentinels beside it'],
    [{ sentinelUsername: 'u' }, 'sentinelUsername: needs redis.sentinels beside it'],
    [{ sentinelPassword: 'hush' }, 'sentinelPassword: needs redis.sentinels beside it'],
    [{ tls: true, certFile: 'cert.pem' }, 'certFile: needs redis.keyFile beside it'],
    [{ tls: true, keyFile: 'key.pem' }, 'keyFile: needs redis.certFile beside it'],
    [{ caFile: 'cert.pem' }, 'caFile: is of no use without TLS: set redis.tls to true'],
    [{ serverName: 'x' }, 'serverName: is of no use without TLS: set redis.tls to true'],
    [{ url: 'redis://h', caFile: 'cert.pem' }, 'caFile: is of no use without TLS: begin redis.url with rediss://'],
    [{ url: 'redis://h', tls: true }, 'tls: is not what redis.url says: begin redis.url with rediss://'],
    [{ cluster: ['a:1'], db: 2 }, 'db: must be 0 with redis.cluster: a Cluster has no other'],
    [
      { cluster: ['a:1'], prefix: 'a{b}:' },
      'prefix: must not hold "{" or "}" with redis.cluster: they would decide where in it the keys are',
    ],
  ])('%j is refused', (redis, mistake) => {
    const [first = '', ...others] = refused(redis);
    expect(first.replace(/, got .*$/, '')).toBe(`redis.${mistake}`);
    expect(others).toEqual([]);
    expect(first).not.toContain('hush');
  });

  it('is refused once for everything that is wrong, with where it was said', () => {
    const env = { ...appEnv, FANFARE_REDIS_SENTINELS: 'a:1', FANFARE_REDIS_CLUSTER: 'b', REDIS_DB: '1' };
    expect(mistakes({ env })).toEqual([
      'redis.cluster[0] (FANFARE_REDIS_CLUSTER): must be host:port, an IPv6 address in brackets, got "b"',
      'redis.sentinels (FANFARE_REDIS_SENTINELS): cannot be given together with redis.cluster: say one of them',
      'redis.sentinels (FANFARE_REDIS_SENTINELS): needs redis.sentinelName beside it',
      'redis.db (REDIS_DB): must be 0 with redis.cluster: a Cluster has no other, got 1',
    ]);
  });
});

describe('an address', () => {
  it.each(['a', 'a:', ':1', 'a:0', 'a:65536', 'a:1x', '::1:6379', 'redis://a:1', 'a/b:1', 'a b:1'])(
    '%j is none',
    (address) => {
      expect(refused({ cluster: [address] })).toEqual([
        `redis.cluster[0]: must be host:port, an IPv6 address in brackets, got ${JSON.stringify(address)}`,
      ]);
    },
  );

  it('with a password is refused without showing it', () => {
    expect(refused({ cluster: ['me:hush@a:1'] })).toEqual([
      'redis.cluster[0]: must be host:port, an IPv6 address in brackets',
    ]);
  });

  it.each(['tls://10.0.0.1', '/var/run/redis.sock', 'a b'])('%j is no host', (host) => {
    expect(refused({ host })).toEqual([
      `redis.host: must be a host name or an address, and nothing else, got ${JSON.stringify(host)}`,
    ]);
  });
});

describe('the files of TLS to Redis', () => {
  it('must be there, and be what they are for', () => {
    const { 'cert.pem': cert } = pem;
    const files = { 'cert.pem': cert, 'key.pem': 'no key' };
    const names = {
      REDIS_TLS: 'true',
      REDIS_CA_FILE: 'ca.pem',
      REDIS_CERT_FILE: 'cert.pem',
      REDIS_KEY_FILE: 'key.pem',
    };
    const env = Object.fromEntries(Object.entries(names).map(([name, value]) => [`FANFARE_${name}`, value]));
    expect(mistakes({ env: { ...appEnv, ...env }, files })).toEqual([
      'redis.keyFile (FANFARE_REDIS_KEY_FILE): key.pem: is not a PEM file',
      'redis.caFile (FANFARE_REDIS_CA_FILE): ca.pem: cannot be read: there is no such file',
    ]);
  });

  it('must belong together', () => {
    const [mistake] = refused({ tls: true, certFile: 'key.pem', keyFile: 'key.pem' });
    expect(mistake).toMatch(/^redis\.keyFile: cannot be used with the certificate: /);
  });
});
