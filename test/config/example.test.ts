// What we hand out in config/: the example and the JSON Schema.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pathText } from '../../src/config/draft.ts';
import { appKeys, configKeys } from '../../src/config/keys.ts';
import { configJsonSchema } from '../../src/config/schema.ts';
import { makeCertificate } from '../support/certificate.ts';
import { loaded } from './loading.ts';

const read = (name: string) => readFileSync(new URL(`../../config/${name}`, import.meta.url), 'utf8');
const example = read('fanfare.example.yaml');
/** With the keys that have no default taken out of their comments. */
const complete = example.replace(/^( *)#(?=(?: {2})?[a-zA-Z]+:)/gm, '$1');
const folder = mkdtempSync(join(tmpdir(), 'fanfare-example-'));
const { certFile, keyFile } = makeCertificate(folder);
const [cert, key] = [readFileSync(certFile, 'utf8'), readFileSync(keyFile, 'utf8')];
rmSync(folder, { recursive: true });
const pemFiles = {
  '/etc/fanfare/fullchain.pem': cert,
  '/etc/fanfare/privkey.pem': key,
  '/etc/fanfare/chain.pem': cert,
};

describe('config/fanfare.example.yaml', () => {
  it('is accepted as it is, and says the defaults', () => {
    const { config } = loaded({ files: { 'fanfare.yaml': example } });
    const minimal = 'apps:\n  - { id: my-app, key: my-app-key, secret: replace-this-with-a-secret-of-your-own }\n';
    expect(config).toEqual(loaded({ files: { 'fanfare.yaml': minimal } }).config);
  });

  it('has every key there is', () => {
    const { sources } = loaded({ files: { ...pemFiles, 'fanfare.yaml': complete } });
    const paths = [...configKeys.map(({ path }) => path), ...appKeys.map(({ path }) => ['apps', 0, ...path])];
    const missing = paths.map(pathText).filter((key) => sources.get(key)?.kind !== 'file');
    expect(missing).toEqual([]);
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
