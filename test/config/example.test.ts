// What we hand out in config/: the example and the JSON Schema.
import { createPublicKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Draft, pathText } from '../../src/config/draft.ts';
import { parseConfigFile } from '../../src/config/file.ts';
import { appKeys, configKeys } from '../../src/config/keys.ts';
import { configJsonSchema } from '../../src/config/schema.ts';
import { appSchema } from '../../src/core/app.ts';
import { makeCertificate } from '../support/certificate.ts';
import { loaded } from './loading.ts';

const read = (name: string) => readFileSync(new URL(`../../config/${name}`, import.meta.url), 'utf8');
const example = read('fanfare.example.yaml');
/** With the keys that have no default taken out of their comments. */
const complete = example.replace(/^( *)#(?=(?: {2})*(?:- )?[a-zA-Z]+:)/gm, '$1');
/** Of which a token is checked with one. */
const tokenKeys = ['secret', 'publicKey', 'publicKeyFile', 'jwksUrl'];
/** Of which it is known where Redis is. */
const redisPlaces = ['url', 'sentinels', 'cluster'];
const completeWith = (tokenKey: string, redisPlace = 'url') => {
  const tokens = tokenKeys.filter((other) => other !== tokenKey).join('|');
  const places = redisPlaces.filter((other) => other !== redisPlace);
  if (redisPlace !== 'sentinels') places.push('sentinelName', 'sentinelUsername', 'sentinelPassword');
  return complete
    .replace(new RegExp(`^ {8}(?:${tokens}):.*\\n`, 'gm'), '')
    .replace(new RegExp(`^ {2}(?:${places.join('|')}):.*\\n`, 'gm'), '')
    .replace('url: redis://', 'url: rediss://')
    .replace('tls: false', 'tls: true');
};
const folder = mkdtempSync(join(tmpdir(), 'fanfare-example-'));
const { certFile, keyFile } = makeCertificate(folder);
const [cert, key] = [readFileSync(certFile, 'utf8'), readFileSync(keyFile, 'utf8')];
rmSync(folder, { recursive: true });
const publicKey = createPublicKey(cert).export({ type: 'spki', format: 'pem' }).toString();
const pemFiles = {
  '/etc/fanfare/token-public.pem': publicKey,
  '/etc/fanfare/fullchain.pem': cert,
  '/etc/fanfare/privkey.pem': key,
  '/etc/fanfare/chain.pem': cert,
  '/etc/fanfare/redis-ca.pem': cert,
  '/etc/fanfare/redis-client.pem': cert,
  '/etc/fanfare/redis-client-key.pem': key,
};

describe('config/fanfare.example.yaml', () => {
  it('is accepted as it is, and says the defaults', () => {
    const { config } = loaded({ files: { 'fanfare.yaml': example } });
    const minimal = 'apps:\n  - { id: my-app, key: my-app-key, secret: replace-this-with-a-secret-of-your-own }\n';
    expect(config).toEqual(loaded({ files: { 'fanfare.yaml': minimal } }).config);
  });

  it('has every key there is', () => {
    const { tree, mistakes } = parseConfigFile('fanfare.yaml', complete);
    expect(mistakes).toEqual([]);
    const draft = new Draft();
    for (const [name, value] of Object.entries(tree ?? {})) draft.set([name], value, { kind: 'file' });
    const paths = [...configKeys.map(({ path }) => path), ...appKeys.map(({ path }) => ['apps', 0, ...path])];
    const missing = paths.filter((path) => draft.source(path) === undefined).map(pathText);
    expect(missing).toEqual([]);
    expect(draft.get(['apps', 0, 'auth', 'rules', 1])).toEqual({ channel: 'private-orders.*', allow: 'upstream' });
  });

  it.each(tokenKeys)('is accepted with its keys taken out of their comments, and tokens checked with %s', (name) => {
    const { config } = loaded({ files: { ...pemFiles, 'fanfare.yaml': completeWith(name) } });
    expect(config.apps[0]?.auth?.bearer).toHaveProperty(name);
  });

  it.each(redisPlaces)('is accepted with its keys taken out of their comments, and Redis found by %s', (name) => {
    const { config } = loaded({ files: { ...pemFiles, 'fanfare.yaml': completeWith('secret', name) } });
    expect(config.redis).toHaveProperty(name);
  });

  it('says the defaults of auth in its comments', () => {
    const [bearer, upstream] = [{ secret: 'replace-this-with-what-signs-your-tokens' }, { url: 'http://127.0.0.1' }];
    const defaults = appSchema.parse({ id: 'a', key: 'k', secret: 's', auth: { bearer, upstream } }).auth;
    const auth = loaded({ files: { ...pemFiles, 'fanfare.yaml': completeWith('secret') } }).config.apps[0]?.auth;
    expect({ ...auth, rules: [] }).toMatchObject({
      ...defaults,
      upstream: { ...defaults?.upstream, url: expect.any(String) },
    });
  });

  it('says the defaults of webhooks in its comments', () => {
    const url = 'http://127.0.0.1:8000/pusher/webhook';
    const { webhooks } = appSchema.parse({ id: 'a', key: 'k', secret: 's', webhooks: [{ url }] });
    const { config } = loaded({ files: { ...pemFiles, 'fanfare.yaml': completeWith('secret') } });
    expect(config.apps[0]?.webhooks).toEqual(webhooks);
  });

  it('tells editors where the schema is', () => {
    expect(example.split('\n')[0]).toBe('# yaml-language-server: $schema=./fanfare.schema.json');
  });
});

describe('config/fanfare.schema.json', () => {
  it('is current (npm run schema)', () => {
    expect(read('fanfare.schema.json')).toBe(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
  });

  it('describes every key', () => {
    const undescribed = (schema: ReturnType<typeof configJsonSchema>, path: string): string[] =>
      Object.entries(schema.properties ?? {}).flatMap(([name, child]) => [
        ...(child.description ? [] : [`${path}${name}`]),
        ...undescribed(child.items ?? child, `${path}${name}.`),
      ]);
    expect(undescribed(configJsonSchema(), '')).toEqual([]);
  });
});
