// Through Sentinels: the contracts, fail-overs, and what is wrong at the start.
import { pino } from 'pino';
import { afterAll, describe, expect, test } from 'vitest';
import { redisAdapters } from '../../src/adapters/redis/adapters.ts';
import type { RedisOptions } from '../../src/adapters/redis/settings.ts';
import { settingsFor, startWatched } from '../support/redis-topologies.ts';
import { redisContract } from './support/redis-contract.ts';
import { Pair } from './support/redis-failover.ts';

const watched = await startWatched();
afterAll(() => watched[Symbol.asyncDispose]());

const silent = pino({ level: 'silent' });

async function failureWith(different: Partial<RedisOptions>): Promise<string> {
  const { broker } = redisAdapters(settingsFor({ ...watched.place, ...different }), silent);
  const failure = await broker
    .start(() => {})
    .then(
      () => 'it was found',
      (err: Error) => err.message,
    );
  await broker.stop();
  return failure;
}

redisContract('redis through sentinels', () => settingsFor(watched.place));

describe('redis through sentinels', () => {
  const [away = '', there = ''] = watched.place.sentinels ?? [];
  const where = (sentinels: string, name: string) =>
    `Redis at redis-sentinel://${sentinels}/0#${name} cannot be reached: `;

  test('is not there under a name the Sentinels do not know', async () => {
    expect(await failureWith({ sentinelName: 'other' })).toBe(
      `${where(`${away},${there}`, 'other')}Sentinel ${away}: cannot be reached, Sentinel ${there}: No such master with that name`,
    );
  });

  test('is not there when all Sentinels are away', async () => {
    expect(await failureWith({ sentinels: [away] })).toBe(`${where(away, 'main')}Sentinel ${away}: cannot be reached`);
  });

  test('is not there with a wrong password, of the Sentinels or its own, which is not shown', async () => {
    const ofSentinels = await failureWith({ sentinelPassword: 'wrong-one' });
    expect(ofSentinels).toContain(`Sentinel ${there}: WRONGPASS`);
    const own = await failureWith({ password: 'wrong-one' });
    expect(own).toContain(`${where(`${away},${there}`, 'main')}WRONGPASS`);
    expect(ofSentinels + own).not.toContain('wrong-one');
  });

  test('has nodes come back to the new master when the old one dies', async () => {
    await using other = await startWatched();
    await using pair = await Pair.start(settingsFor(other.place));
    await pair.through(async () => {
      await other.master.kill();
      await other.sentinel.line('+switch-master');
    });
  });

  test('has nodes come back to the new master when the old one stands still', async () => {
    await using other = await startWatched();
    await using pair = await Pair.start(settingsFor(other.place));
    await pair.through(async () => {
      other.master.signal('SIGSTOP');
      await other.sentinel.line('+switch-master');
    });
  });
});
