// fanfare check and fanfare schema.
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { check } from '../../src/cli/check.ts';
import { UsageError } from '../../src/cli/command.ts';
import { schema } from '../../src/cli/schema.ts';
import { run } from './recording-edge.ts';

const app = { FANFARE_APP_ID: '1', FANFARE_APP_KEY: 'k', FANFARE_APP_SECRET: 'hush' };

describe('fanfare check', () => {
  it('prints every key, its value and its source in columns, secrets masked', async () => {
    const env = { ...app, FANFARE_REDIS_URL: 'redis://u:hush@h:1/2', FANFARE_REDIS_PASSWORD: 'hush' };
    const { code, out, err } = run(check, ['--port', '1', '--config', 'config/fanfare.example.yaml'], { env });
    expect(await code).toBe(0);
    expect(err).toEqual([]);
    const pathLine =
      readFileSync('config/fanfare.example.yaml', 'utf8')
        .split('\n')
        .findIndex((line) => line.startsWith('path:')) + 1;
    const line = (key: string) => out.find((line) => line.startsWith(`${key} `))?.split(/ {2,}/);
    expect(line('development')).toEqual(['development', 'false', 'default']);
    expect(line('port')).toEqual(['port', '1', 'flag (--port)']);
    expect(line('path')).toEqual(['path', '(empty)', `file (config/fanfare.example.yaml:${pathLine}:1)`]);
    expect(line('tls')).toEqual(['tls', '(not set)', 'default']);
    expect(line('tls.certFile')).toBeUndefined();
    expect(line('apps[0].auth')).toEqual(['apps[0].auth', '(not set)', 'default']);
    expect(line('apps[0].encryptionMasterKey')).toEqual(['apps[0].encryptionMasterKey', '(not set)', 'default']);
    expect(line('redis.url')).toEqual(['redis.url', 'redis://********@h:1/2', 'environment (FANFARE_REDIS_URL)']);
    expect(line('redis.password')).toEqual(['redis.password', '********', 'environment (FANFARE_REDIS_PASSWORD)']);
    expect(line('apps[1].secret')).toEqual(['apps[1].secret', '********', 'environment (FANFARE_APP_SECRET)']);
    expect(line('apps[1].allowedOrigins')).toEqual(['apps[1].allowedOrigins', '*', 'default']);
    expect(out.join('\n')).not.toContain('hush');
    expect(out.join('\n')).not.toContain('replace-this');
    expect(out.at(-1)).toBe(
      'Warning: redis.url (FANFARE_REDIS_URL) is not used, as adapter is memory: set adapter to redis.',
    );
    const columns = out.slice(0, -1).map((line) => line.search(/(?<= {2})(default|flag|environment|file)\b/));
    expect(new Set(columns).size).toBe(1);
  });

  it('masks the secrets of auth and what its URLs may hold, and keeps to one line each', async () => {
    const publicKey = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const apps = [
      {
        id: 'a',
        key: 'a',
        secret: 'hush',
        encryptionMasterKey: Buffer.alloc(32, 'hush').toString('base64'),
        auth: {
          bearer: { secret: 'hush'.repeat(8), userInfo: { name: 'full_name' } },
          rules: [{ channel: 'private-{a}' }],
        },
      },
      { id: 'b', key: 'b', secret: 'hush', auth: { bearer: { jwksUrl: 'https://id.example/keys?token=hush' } } },
      { id: 'c', key: 'c', secret: 'hush', auth: { bearer: { publicKey } } },
      {
        id: 'd',
        key: 'd',
        secret: 'hush',
        auth: { upstream: { url: 'http://a.example/auth?token=hush', userUrl: 'http://a.example/user?token=hush' } },
      },
    ];
    const { code, out } = run(check, [], { env: { FANFARE_APPS: JSON.stringify(apps) } });
    expect(await code).toBe(0);
    const value = (key: string) => out.find((line) => line.startsWith(`apps${key} `))?.split(/ {2,}/)[1];
    expect(value('[0].encryptionMasterKey')).toBe('********');
    expect(value('[0].auth.bearer.secret')).toBe('********');
    expect(value('[0].auth.bearer.userInfo')).toBe('name: full_name');
    expect(value('[0].auth.rules')).toBe('(1, see below)');
    expect(value('[0].auth.upstream')).toBe('(not set)');
    expect(value('[1].auth.bearer.jwksUrl')).toBe('https://id.example/keys?********');
    expect(value('[1].auth.bearer.userInfo')).toBe('(none)');
    expect(value('[2].auth.bearer.publicKey')).toBe('-----BEGIN PUBLIC KEY----- …');
    expect(value('[3].auth.upstream.url')).toBe('http://a.example/auth?********');
    const printed = out.join('\n');
    expect(printed).not.toContain('hush');
    expect(printed).not.toContain(Buffer.from('hushhush').toString('base64').slice(0, 8));
  });

  it('ends with 78 and all mistakes', async () => {
    const { code, out, err } = run(check, ['--port', 'x'], { env: { ...app, FANFARE_PATH: ' b' } });
    expect(await code).toBe(78);
    expect(out).toEqual([]);
    expect(err).toEqual([
      'fanfare: the configuration has 2 mistakes:',
      '  port (--port): expected a whole number, got "x"',
      '  path (FANFARE_PATH): must be a path such as /ws: letters, digits and "-._~" between slashes, got " b"',
    ]);
  });

  it('takes no arguments', async () => {
    await expect(run(check, ['now']).code).rejects.toThrow(new UsageError('unexpected argument "now"'));
  });
});

describe('fanfare schema', () => {
  it('prints what config/fanfare.schema.json holds', async () => {
    const { code, out } = run(schema, []);
    expect(await code).toBe(0);
    expect(`${out.join('\n')}\n`).toBe(readFileSync('config/fanfare.schema.json', 'utf8'));
  });
});
