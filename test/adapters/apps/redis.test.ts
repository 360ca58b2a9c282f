// Apps in Redis: the contract over one server and over a Cluster, and what is special about a Redis that loses its data.
import { afterAll, describe, expect, test } from 'vitest';
import { RedisSource } from '../../../src/adapters/apps/redis.ts';
import type { AppSource } from '../../../src/adapters/apps/source.ts';
import { StoredApps } from '../../../src/adapters/apps/stored-apps.ts';
import { RedisClient } from '../../../src/adapters/redis/client.ts';
import type { RedisOptions } from '../../../src/adapters/redis/settings.ts';
import { freePort, type Gate, Log, openGate, startRedis } from '../../support/redis.ts';
import { settingsFor, startCluster } from '../../support/redis-topologies.ts';
import { appStoreContract, makeApp, Node, type Place } from './contract.ts';

const redis = await startRedis();
const cluster = await startCluster({ replicas: false });
afterAll(async () => {
  await redis[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

const { logger } = new Log();

/** Somebody who knows how the records are kept. */
class Hand implements AsyncDisposable {
  readonly client: RedisClient;

  constructor(options: RedisOptions) {
    this.client = new RedisClient(options, logger);
  }

  async write(id: string, text: string): Promise<void> {
    await this.client.start(this);
    const { commands, keys } = this.client;
    await commands.hset(keys.appRecords, id, text);
    await commands.set(keys.appsRevision, Math.random());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.stop(this);
  }
}

class Database implements Place {
  readonly options: RedisOptions;
  readonly hand: Hand;
  readonly #gate: Gate | undefined;

  /** @param gate the way of the sources to it, which can be closed */
  constructor(options: RedisOptions, gate: Gate | undefined) {
    this.options = options;
    this.hand = new Hand(options);
    this.#gate = gate;
  }

  source(): AppSource {
    return new RedisSource({ ...this.options, port: this.#gate?.port ?? this.options.port }, logger);
  }

  async write(id: string, value: unknown): Promise<void> {
    await this.hand.write(id, JSON.stringify({ app: value }));
  }

  async leave(): Promise<void> {
    await this.#gate?.close();
  }

  async comeBack(): Promise<void> {
    await this.#gate?.open();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hand[Symbol.asyncDispose]();
    await this.#gate?.[Symbol.asyncDispose]();
  }
}

const makeDatabase = async (options = redis.settings()) => new Database(options, await openGate(redis));
const nodeOn = (place: Place) => new Node(place.source(), { lookEveryMs: 50 }).start();

appStoreContract('Redis', makeDatabase);

describe('the apps in Redis', () => {
  test('are in one slot of a Cluster, and changes of them are told there', async () => {
    await using place = new Database(settingsFor(cluster.place), undefined);
    await using node = new Node(place.source(), { lookEveryMs: 3_600_000 });
    await using other = new Node(place.source(), { lookEveryMs: 3_600_000 });
    await Promise.all([node.start(), other.start()]);
    const { version } = await node.editor.create(makeApp('one'));
    await other.changed('one');
    await other.editor.replace(makeApp('one', { name: 'new' }), version);
    await node.changed('one', 2);
    await node.editor.remove('one', undefined);
    await other.changed('one', 3);
    expect(await other.store.list()).toEqual([]);
  });

  test('are told at once to the others, before they look', async () => {
    await using place = await makeDatabase();
    await using node = await nodeOn(place);
    await using other = new Node(place.source(), { lookEveryMs: 3_600_000 });
    await other.start();
    await node.editor.create(makeApp('one'));
    await other.changed('one');
  });

  test('are told again after the connection was lost, with what came meanwhile', async () => {
    await using place = await makeDatabase();
    await using near = new Database(place.options, undefined);
    await using node = await nodeOn(near);
    await using other = new Node(place.source(), { lookEveryMs: 3_600_000 });
    await other.start();
    await place.leave();
    await node.editor.create(makeApp('one'));
    await place.comeBack();
    await other.changed('one');
    await node.editor.create(makeApp('two'));
    await other.changed('two');
  });

  test('of other prefixes and databases are others', async () => {
    await using place = await makeDatabase();
    const options = place.options;
    await using node = await nodeOn(place);
    await node.editor.create(makeApp('one'));
    for (const others of [redis.settings(), { ...options, db: 1 }]) {
      await using other = await nodeOn(new Database(others, undefined));
      expect(await other.store.list()).toEqual([]);
      await other.editor.create(makeApp('one', { name: 'another' }));
    }
    expect((await node.editor.read('one')).app).toEqual(makeApp('one'));
  });

  test('that are all gone at once are taken for a Redis that lost its data: nobody is sent away', async () => {
    await using place = await makeDatabase();
    await using node = await nodeOn(place);
    await node.editor.create(makeApp('one'));
    const lost = node.log.next('changes of apps are not noticed for now');
    await place.hand.client.start(place.hand);
    const { commands, keys } = place.hand.client;
    await commands.del(keys.appRecords, keys.appOwners, keys.appsRevision);
    expect(await lost).toMatchObject({ reason: expect.stringContaining('the apps in Redis are gone') });
    expect(await node.store.list()).toEqual([makeApp('one')]);
    // What is written now would be the only app there is, and all others would be sent away.
    const { editor } = node;
    const writes = [
      editor.create(makeApp('two')),
      editor.replace(makeApp('one', { name: 'new' }), undefined),
      editor.remove('one', undefined),
    ];
    for (const write of writes) {
      await expect(write).rejects.toMatchObject({
        status: 503,
        message: expect.stringContaining('the apps in Redis are gone'),
      });
    }
    expect(await commands.exists(keys.appRecords, keys.appsRevision)).toBe(0);
    expect(await node.store.list()).toEqual([makeApp('one')]);
    // Restored.
    const back = node.log.next('changes of apps are noticed again');
    await place.write('two', makeApp('two'));
    await back;
    expect((await node.store.list()).map(({ id }) => id)).toEqual(['two']);
  });

  test('that are gone right after the first was written are no new beginning for the server that wrote it', async () => {
    await using place = await makeDatabase();
    const source = place.source();
    await source.open();
    await source.writer?.insert('one', makeApp('one'));
    await place.hand.client.start(place.hand);
    const { commands, keys } = place.hand.client;
    await commands.del(keys.appRecords, keys.appOwners, keys.appsRevision);
    await expect(source.writer?.insert('two', makeApp('two'))).rejects.toThrow('the apps in Redis are gone');
    await source.close();
  });

  test('that were written by hand have a version too, and keys that nobody else may have', async () => {
    await using place = await makeDatabase();
    await place.write('one', makeApp('one'));
    await using node = await nodeOn(place);
    const { version } = await node.editor.read('one');
    await node.editor.replace(makeApp('one', { name: 'new' }), version);
    await expect(node.editor.replace(makeApp('one'), version)).rejects.toMatchObject({ status: 409 });
    await expect(node.editor.create(makeApp('two', { key: 'key-one' }))).rejects.toMatchObject({ status: 409 });
  });

  test('hold their keys in the script as well, for servers that create at the same moment', async () => {
    await using place = await makeDatabase();
    const { writer } = place.source();
    const source = place.source();
    await source.open();
    await source.writer?.insert('one', makeApp('one'));
    await expect(source.writer?.insert('two', makeApp('two', { key: 'key-one' }))).rejects.toMatchObject({
      status: 409,
      message: 'The key key-one is one of the app one already.',
    });
    // Of an app that somebody took out by hand.
    await place.hand.client.start(place.hand);
    await place.hand.client.commands.hdel(place.hand.client.keys.appRecords, 'one');
    expect(await source.writer?.insert('two', makeApp('two', { key: 'key-one' }))).toHaveProperty('version');
    expect(writer).toBeDefined();
    await source.close();
  });

  test.each(['', 'no json', '[]', '7', '{"version":7,"app":{"key":7,"keys":{"a":1}}}', '{"app":"x"}'])(
    'may hold %j, which is refused, replaced and removed',
    async (text) => {
      await using place = await makeDatabase();
      await place.hand.write('bad', text);
      await using node = await nodeOn(place);
      expect(node.store.refused()).toEqual([{ id: 'bad', reason: expect.any(String) }]);
      await node.editor.replace(makeApp('bad'), undefined);
      expect(await node.store.findByKey('key-bad')).toEqual(makeApp('bad'));
      await place.hand.write('bad', text);
      await node.changed('bad', 2);
      await node.editor.remove('bad', undefined);
      expect(node.store.refused()).toEqual([]);
    },
  );

  test('are not there when Redis is not: the start says where and why', async () => {
    const port = await freePort();
    const store = new StoredApps(new RedisSource({ ...redis.settings(), port }, logger), logger);
    await expect(store.start(() => {})).rejects.toThrow(
      `the apps cannot be read: Redis at redis://127.0.0.1:${port}/0 cannot be reached: ECONNREFUSED`,
    );
  });
});
