// Over TLS, as a user who may do no more than is needed: the contracts, and every way to be refused.
import type { Socket } from 'node:net';
import { pino } from 'pino';
import { afterAll, describe, expect, test } from 'vitest';
import { redisAdapters } from '../../src/adapters/redis/adapters.ts';
import { connectionTo, tlsOf } from '../../src/adapters/redis/connections.ts';
import type { RedisOptions } from '../../src/adapters/redis/settings.ts';
import { Authority } from '../support/authority.ts';
import { settingsFor, startSecureRedis, user } from '../support/redis-topologies.ts';
import { redisContract } from './support/redis-contract.ts';
import { startNode } from './support/redis-node.ts';

const authority = new Authority();
afterAll(() => authority[Symbol.dispose]());
const redis = await startSecureRedis(authority);
afterAll(() => redis[Symbol.asyncDispose]());

const silent = pino({ level: 'silent' });
const { caFile } = authority;
const { certFile, keyFile } = authority.certificate('node', 'DNS:node.internal');
const secure = { tls: true, port: redis.port, ...user, caFile, certFile, keyFile, serverName: 'redis.internal' };

async function reasonAgainst(different: Partial<RedisOptions>): Promise<string> {
  const { broker } = redisAdapters(settingsFor({ ...secure, ...different }), silent);
  const failure = await broker
    .start(() => {})
    .then(
      () => 'it was let in',
      (err: Error) => err.message,
    );
  await broker.stop();
  return failure.replace(`Redis at rediss://127.0.0.1:${redis.port}/0 cannot be reached: `, '');
}

redisContract('redis with TLS, as a user with few rights', () => settingsFor(secure));

describe('redis with TLS', () => {
  test('is reached by a URL as well, and found well', async () => {
    const { username, password, port, ...others } = secure;
    const url = `rediss://${username}:${password}@127.0.0.1:${port}/2`;
    await using node = await startNode(settingsFor({ ...others, tls: false, url }));
    expect(await node.eventCache.get('app', 'cache-a')).toBe(undefined);
    expect(await node.link?.trouble()).toBe(undefined);
  });

  test('is not trusted with a certificate of an authority that is not known', async () => {
    using stranger = new Authority();
    expect(await reasonAgainst({ caFile: undefined })).toMatch(/certificate/);
    expect(await reasonAgainst({ caFile: stranger.caFile })).toMatch(/certificate/);
  });

  test('is not trusted with a certificate for another name', async () => {
    expect(await reasonAgainst({ serverName: undefined })).toMatch(/does not match certificate's altnames/);
    expect(await reasonAgainst({ serverName: 'other.internal' })).toMatch(/does not match .*other\.internal/);
  });

  test('lets nobody in without a certificate, or with that of another authority', async () => {
    using stranger = new Authority();
    expect(await reasonAgainst({ certFile: undefined, keyFile: undefined })).toMatch(
      /certificate required|a certificate it knows/,
    );
    expect(await reasonAgainst(stranger.certificate('stranger', 'DNS:x'))).toMatch(/unknown ca|a certificate it knows/);
  });

  test('may end a connection with two errors, which ends nothing else', async () => {
    const tls = tlsOf(settingsFor(secure), true) ?? {};
    const options = { ...user, tls, retryStrategy: () => null };
    const connection = connectionTo({ host: '127.0.0.1', port: redis.port }, options, () => {});
    await connection.connect();
    const ended = new Promise((resolve) => connection.once('end', resolve));
    const { stream } = connection as unknown as { stream: Socket };
    stream.emit('error', new Error('the first'));
    stream.emit('error', new Error('the second'));
    stream.destroy();
    await ended;
  });

  test('says so when it is spoken to in the clear', async () => {
    const { broker } = redisAdapters(settingsFor({ ...secure, tls: false }), silent);
    await expect(broker.start(() => {})).rejects.toThrow(
      `Redis at redis://127.0.0.1:${redis.port}/0 cannot be reached`,
    );
    await broker.stop();
  });
});

describe('redis with users', () => {
  test('refuses a wrong name or password, neither of which is shown', async () => {
    expect(await reasonAgainst({ password: 'wrong-one' })).toMatch(/^WRONGPASS/);
    expect(await reasonAgainst({ username: 'nobody' })).toMatch(/^WRONGPASS/);
    expect(await reasonAgainst({ password: 'wrong-one', username: 'nobody' })).not.toMatch(/wrong-one|nobody/);
    expect(await reasonAgainst({ username: undefined, password: undefined })).toMatch(/^NOAUTH/);
  });

  test('refuses a prefix the user has no right to, for topics and for keys', async () => {
    await using node = await startNode(settingsFor(secure));
    await using stranger = await startNode(settingsFor(secure));
    await expect(node.eventCache.set('app', 'cache-a', { name: 'e', data: '1' }, 60)).resolves.toBe(undefined);
    expect(await stranger.eventCache.get('app', 'cache-a')).toBe(undefined);
    const refused = redisAdapters(settingsFor({ ...secure, prefix: 'other:' }), silent);
    await refused.broker.start(() => {});
    await expect(refused.broker.subscribe('app/c/a')).rejects.toMatchObject({ status: 503 });
    await expect(refused.eventCache.get('app', 'cache-a')).rejects.toMatchObject({ status: 503 });
    await refused.broker.stop();
  });
});
