// Redis with TLS and users, with Sentinels, and as a Cluster: each of real redis-servers on free ports of this machine,
// disposed of with `await using`.
import { randomUUID } from 'node:crypto';
import type { RedisOptions } from '../../src/adapters/redis/settings.ts';
import { slotOf } from '../../src/adapters/redis/slot.ts';
import type { Authority } from './authority.ts';
import { freePort } from './redis.ts';
import { RedisProcess } from './redis-process.ts';

/** With a prefix nobody else has: a cluster of its own. */
export function settingsFor(place: Partial<RedisOptions>): RedisOptions {
  return { host: '127.0.0.1', port: 6379, db: 0, tls: false, prefix: `fanfare:${randomUUID()}:`, ...place };
}

/** What the README tells to allow, for a user that shares Redis with others. */
export const rights =
  '~fanfare:* &fanfare:* +@read +@write +@pubsub +@scripting +@connection -@dangerous +info +time +cluster|slots +cluster|info';

export const user = { username: 'fanfare', password: 'hush-hush' } as const;

const userLine = `user ${user.username} on >${user.password} ${rights}`;

/** Lets nobody in but `user`, over TLS, with a certificate of the authority. */
export async function startSecureRedis(authority: Authority): Promise<RedisProcess> {
  const { caFile } = authority;
  const { certFile, keyFile } = authority.certificate('redis', 'DNS:redis.internal');
  const redis = await RedisProcess.start([
    'port 0',
    'tls-port {port}',
    `tls-cert-file ${certFile}`,
    `tls-key-file ${keyFile}`,
    `tls-ca-cert-file ${caFile}`,
    'tls-auth-clients yes',
    'user default off',
    userLine,
  ]);
  await redis.line('Ready to accept connections');
  return redis;
}

export const sentinelPassword = 'watch-tower';
export const masterPassword = 'hush-hush';

export interface Watched extends AsyncDisposable {
  readonly master: RedisProcess;
  readonly replica: RedisProcess;
  readonly sentinel: RedisProcess;
  /** One of its two Sentinels is away. */
  readonly place: Partial<RedisOptions>;
}

/** A master and its replica, of which a Sentinel makes the master when that one is gone for a second. */
export async function startWatched(): Promise<Watched> {
  const password = [`requirepass ${masterPassword}`, `masterauth ${masterPassword}`];
  const master = await RedisProcess.start(['port {port}', ...password]);
  await master.line('Ready to accept connections');
  const replica = await RedisProcess.start(['port {port}', ...password, `replicaof 127.0.0.1 ${master.port}`]);
  await replica.line('Finished with success');
  const monitor = [
    `sentinel monitor main 127.0.0.1 ${master.port} 1`,
    `sentinel auth-pass main ${masterPassword}`,
    'sentinel down-after-milliseconds main 1000',
    'sentinel failover-timeout main 5000',
  ];
  const config = ['port {port}', `requirepass ${sentinelPassword}`, ...monitor];
  const sentinel = await RedisProcess.start(config, { args: ['--sentinel'] });
  await sentinel.line('+slave ');
  const place = {
    sentinels: [`127.0.0.1:${await freePort()}`, sentinel.address],
    sentinelName: 'main',
    sentinelPassword,
    password: masterPassword,
  };
  const dispose = () => disposeAll([master, replica, sentinel]);
  return { master, replica, sentinel, place, [Symbol.asyncDispose]: dispose };
}

const SLOTS = 16_384;
const MASTERS = 3;

export class RedisCluster implements AsyncDisposable {
  readonly masters: readonly RedisProcess[];
  readonly replicas: readonly RedisProcess[];

  constructor(masters: readonly RedisProcess[], replicas: readonly RedisProcess[]) {
    this.masters = masters;
    this.replicas = replicas;
  }

  get place(): Partial<RedisOptions> {
    return { cluster: this.masters.map(({ address }) => address) };
  }

  /** The master, from the start, of the slot of a key or topic; and its replica, where there are any. */
  ownersOf(name: string): [master: RedisProcess, replica: RedisProcess] {
    const at = Math.floor((slotOf(name) * MASTERS) / SLOTS);
    return [this.masters[at] as RedisProcess, this.replicas[at] as RedisProcess];
  }

  /** As `redis-cli --cluster reshard` does it: the slot with all that is in it. */
  async moveSlot(slot: number, from: RedisProcess, to: RedisProcess): Promise<void> {
    using source = from.admin();
    using target = to.admin();
    const [sourceId, targetId] = [String(await source.cluster('MYID')), String(await target.cluster('MYID'))];
    await target.cluster('SETSLOT', slot, 'IMPORTING', sourceId);
    await source.cluster('SETSLOT', slot, 'MIGRATING', targetId);
    for (;;) {
      const keys = (await source.cluster('GETKEYSINSLOT', slot, 100)) as string[];
      if (keys.length === 0) break;
      await source.call('MIGRATE', '127.0.0.1', to.port, '', 0, 5000, 'KEYS', ...keys);
    }
    await target.cluster('SETSLOT', slot, 'NODE', targetId);
    await source.cluster('SETSLOT', slot, 'NODE', targetId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await disposeAll([...this.masters, ...this.replicas]);
  }
}

/** Of three masters, for `user` and everybody; a replica of each takes over when it is gone for a second. */
export async function startCluster({ replicas }: { replicas: boolean }): Promise<RedisCluster> {
  const members = await Promise.all(Array.from({ length: replicas ? 2 * MASTERS : MASTERS }, makeMember));
  const started = await Promise.all(members.map((member) => startMember(member, members)));
  const cluster = new RedisCluster(started.slice(0, MASTERS), started.slice(MASTERS));
  await Promise.all(started.map((redis) => redis.line('Cluster state changed: ok')));
  await Promise.all(cluster.replicas.map((replica) => replica.line('Finished with success')));
  return cluster;
}

interface Member {
  readonly id: string;
  readonly port: number;
  readonly busPort: number;
  /** The first three are masters, the next three their replicas. */
  readonly index: number;
}

async function makeMember(_: unknown, index: number): Promise<Member> {
  const id = index.toString(16).repeat(40).slice(0, 40);
  return { id, port: await freePort(), busPort: await freePort(), index };
}

/** Knows all others from the start, as if it had met them before. */
function startMember(self: Member, members: readonly Member[]): Promise<RedisProcess> {
  const known = members.map(({ id, port, busPort, index }) => {
    const flags = index < MASTERS ? 'master' : 'slave';
    const master = members[index - MASTERS]?.id ?? '-';
    const [first, end] = [index, index + 1].map((at) => Math.ceil((at * SLOTS) / MASTERS)) as [number, number];
    const slots = index < MASTERS ? ` ${first}-${end - 1}` : '';
    const mine = id === self.id ? 'myself,' : '';
    return `${id} 127.0.0.1:${port}@${busPort} ${mine}${flags} ${master} 0 0 ${(index % MASTERS) + 1} connected${slots}`;
  });
  const nodes = `${known.join('\n')}\nvars currentEpoch ${MASTERS} lastVoteEpoch 0\n`;
  const config = [
    'port {port}',
    `cluster-port ${self.busPort}`,
    'cluster-enabled yes',
    'cluster-config-file nodes.conf',
    'cluster-node-timeout 1000',
    'cluster-replica-validity-factor 0',
    userLine,
  ];
  return RedisProcess.start(config, { port: self.port, files: { 'nodes.conf': nodes } });
}

async function disposeAll(processes: readonly RedisProcess[]): Promise<void> {
  await Promise.all(processes.map((redis) => redis[Symbol.asyncDispose]()));
}
