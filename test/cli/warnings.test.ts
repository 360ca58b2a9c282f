// What is accepted in a configuration and likely not meant.
import { describe, expect, it } from 'vitest';
import { warningsOf } from '../../src/cli/warnings.ts';
import { appEnv, type Given, load } from '../config/loading.ts';

const app = 'apps: [{ id: a, key: k, secret: s }]\n';
const UNUSED = 'is not used, as adapter is memory: set adapter to redis';

function loaded(given: Given) {
  const result = load(given);
  if (!result.ok) throw new Error(result.mistakes.join());
  return result;
}

describe('warningsOf', () => {
  it('a Redis that is named to a server that stands alone', () => {
    const files = { 'fanfare.yaml': `redis: { url: redis://10.0.0.5:6379 }\n${app}` };
    expect(warningsOf(loaded({ files }))).toEqual([`redis.url (fanfare.yaml:1:10) ${UNUSED}`]);
    const env = { ...appEnv, FANFARE_REDIS_HOST: '10.0.0.5' };
    expect(warningsOf(loaded({ env }))).toEqual([`redis.host (FANFARE_REDIS_HOST) ${UNUSED}`]);
  });

  it('not of one that is used, nor of one that Laravel’s .env names anyway, nor of none', () => {
    const host = { 'fanfare.yaml': `redis: { host: 127.0.0.1 }\n${app}` };
    expect(warningsOf(loaded({ files: host }))).toEqual([]);
    const files = { 'fanfare.yaml': `adapter: redis\nredis: { url: redis://10.0.0.5:6379 }\n${app}` };
    expect(warningsOf(loaded({ files }))).toEqual([]);
    expect(warningsOf(loaded({ env: { ...appEnv, REDIS_HOST: '10.0.0.5', REDIS_PORT: '6379' } }))).toEqual([]);
    expect(warningsOf(loaded({ env: appEnv }))).toEqual([]);
  });
});
