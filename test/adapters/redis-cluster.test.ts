// Over a Redis Cluster: the contracts, fail-overs, a slot that moves, and what is wrong at the start.
import { pino } from 'pino';
import { afterAll, describe, expect, test } from 'vitest';
import { redisAdapters } from '../../src/adapters/redis/adapters.ts';
import type { RedisOptions } from '../../src/adapters/redis/settings.ts';
import { slotOf } from '../../src/adapters/redis/slot.ts';
import { textFrame } from '../../src/protocol/frame.ts';
import { freePort, Log, startRedis } from '../support/redis.ts';
import { settingsFor, startCluster, user } from '../support/redis-topologies.ts';
import { redisContract } from './support/redis-contract.ts';
import { Pair } from './support/redis-failover.ts';
import { startNode } from './support/redis-node.ts';

const cluster = await startCluster({ replicas: false });
afterAll(() => cluster[Symbol.asyncDispose]());

const silent = pino({ level: 'silent' });

async function failureWith(place: Partial<RedisOptions>): Promise<string> {
  const { broker } = redisAdapters(settingsFor(place), silent);
  const failure = await broker
    .start(() => {})
    .then(
      () => 'it was found',
      (err: Error) => err.message,
    );
  await broker.stop();
  return failure;
}

redisContract('redis cluster', () => settingsFor(cluster.place));

describe('redis cluster', () => {
  test('is found when some of the nodes that are named are away', async () => {
    const nodes = [`127.0.0.1:${await freePort()}`, cluster.masters[0]?.address ?? ''];
    expect(await failureWith({ cluster: nodes })).toBe('it was found');
  });

  test('is not there when all nodes that are named are away', async () => {
    const away = `127.0.0.1:${await freePort()}`;
    expect(await failureWith({ cluster: [away] })).toBe(
      `Redis at redis-cluster://${away} cannot be reached: ${away}: ECONNREFUSED ${away}`,
    );
  });

  test('is not a server that stands alone', async () => {
    await using redis = await startRedis();
    const address = `127.0.0.1:${redis.port}`;
    expect(await failureWith({ cluster: [address] })).toBe(
      `Redis at redis-cluster://${address} cannot be reached: ${address}: ERR This instance has cluster support disabled`,
    );
  });

  test('is not there as long as nobody has its slots', async () => {
    await using redis = await startRedis('--cluster-enabled', 'yes', '--cluster-port', String(await freePort()));
    const address = `127.0.0.1:${redis.port}`;
    expect(await failureWith({ cluster: [address] })).toBe(
      `Redis at redis-cluster://${address} cannot be reached: ${address}: the cluster is down`,
    );
  });

  test('keeps those with different prefixes apart', async () => {
    await using node = await startNode(settingsFor(cluster.place));
    await using stranger = await startNode(settingsFor(cluster.place));
    await node.broker.subscribe('app/c/a');
    await stranger.broker.subscribe('app/c/a');
    await stranger.broker.publish('app/c/a', { type: 'frame', frame: textFrame('astray') });
    await stranger.tracker.join({ appId: 'app', channel: 'a', socketId: '1.1', users: [] });
    await node.broker.publish('app/c/a', { type: 'frame', frame: textFrame('hello') });
    expect(await node.deliveries.nextText()).toBe('app/c/a hello');
    expect(await stranger.deliveries.nextText()).toBe('app/c/a astray');
    expect(await node.tracker.listCounted('app', '')).toEqual(new Map());
  });

  test('is told of topics that nobody listens to any more', async () => {
    const settings = settingsFor(cluster.place);
    const name = `${settings.prefix}0/{app}/c/a`;
    using connection = cluster.ownersOf(name)[0].admin();
    const monitor = await connection.monitor();
    const left = new Promise((resolve) => {
      monitor.on('monitor', (_: string, command: string[]) => {
        if (command.join(' ').toLowerCase() === `sunsubscribe ${name}`) resolve(undefined);
      });
    });
    await using node = await startNode(settings);
    await node.broker.subscribe('app/c/a');
    expect(await connection.pubsub('SHARDNUMSUB', name)).toEqual([name, 1]);
    node.broker.unsubscribe('app/c/a');
    await left;
    monitor.disconnect();
    expect(await connection.pubsub('SHARDNUMSUB', name)).toEqual([name, 0]);
  });

  test('is enough for a user with few rights, and what they may not do is no loss', async () => {
    const settings = settingsFor({ ...cluster.place, ...user });
    await using pair = await Pair.start(settings);
    const log = new Log();
    const { broker } = redisAdapters({ ...settings, prefix: 'other:' }, log.logger);
    await broker.start(() => {});
    await expect(broker.subscribe('app/c/a')).rejects.toMatchObject({ status: 503 });
    await broker.stop();
    expect(log.entries.map(({ msg }) => msg)).toEqual(['connected to Redis', 'Redis refused a command']);
    await pair.expectWhole();
  });

  test('has nodes come back when all their connections are cut', async () => {
    await using pair = await Pair.start(settingsFor(cluster.place));
    await pair.through(async () => {
      for (const master of cluster.masters) {
        using connection = master.admin();
        for (const type of ['pubsub', 'normal']) await connection.call('CLIENT', 'KILL', 'TYPE', type);
      }
    });
  });

  test('follows a slot that moves to another master', async () => {
    await using pair = await Pair.start(settingsFor(cluster.place));
    const [from, to] = [cluster.masters[1], cluster.masters[2]] as const;
    if (from === undefined || to === undefined) throw new Error('no master');
    expect(cluster.ownersOf('{app}')[0]).toBe(from);
    await pair.through(() => cluster.moveSlot(slotOf('{app}'), from, to), [pair.listener]);
    await pair.through(() => cluster.moveSlot(slotOf('{app}'), to, from), [pair.listener]);
  });

  test.each([
    ['an app', '{app}'],
    ['the leases', '{cluster}'],
  ])('has nodes come back to the replica when the master of %s dies', async (_, tag) => {
    await using other = await startCluster({ replicas: true });
    await using pair = await Pair.start(settingsFor(other.place));
    const [master, replica] = other.ownersOf(tag);
    await pair.through(async () => {
      await master.kill();
      await replica.line('Failover election won');
    });
  });

  test('has nodes come back to the replica when the master of an app stands still', async () => {
    await using other = await startCluster({ replicas: true });
    await using pair = await Pair.start(settingsFor(other.place));
    const [master, replica] = other.ownersOf('{app}');
    await pair.through(async () => {
      master.signal('SIGSTOP');
      await replica.line('Failover election won');
    });
    master.signal('SIGCONT');
    await master.line('Reconfiguring myself as a replica');
    await pair.expectWhole();
    expect(pair.listener.log.count('the connection to Redis was lost')).toBe(1);
  });
});
