// What every request log does: of requests with one key, one is new, whichever node is asked.
import { describe, expect, test } from 'vitest';
import type { Attempt } from '../../../src/core/ports.ts';
import { awkwardTexts, Deliveries, type MakeCluster } from './cluster.ts';

export function requestLogContract(name: string, make: MakeCluster): void {
  const start = () => make(new Deliveries().deliver);

  describe(`${name}: request log`, () => {
    test('is new once, then pending, then done with its answer', async () => {
      await using cluster = await start();
      const [here, there] = [cluster.node.requestLog, cluster.other.requestLog];
      const claim = await claimOf(here.begin('app', 'key', 'digest'));
      expect(await there.begin('app', 'key', 'digest')).toEqual({ state: 'pending' });
      await here.finish('app', 'key', { claim, digest: 'digest' }, '{"ü":1}');
      expect(await there.begin('app', 'key', 'digest')).toEqual({ state: 'done', answer: '{"ü":1}' });
      expect(await here.begin('app', 'key', 'digest')).toEqual({ state: 'done', answer: '{"ü":1}' });
    });

    test('tells a key that was used for another request, whether that is done or not', async () => {
      await using cluster = await start();
      const { requestLog } = cluster.node;
      const claim = await claimOf(requestLog.begin('app', 'key', 'digest'));
      expect(await requestLog.begin('app', 'key', 'another')).toEqual({ state: 'other' });
      await requestLog.finish('app', 'key', { claim, digest: 'digest' }, '');
      expect(await requestLog.begin('app', 'key', 'another')).toEqual({ state: 'other' });
      expect(await requestLog.begin('app', 'key', 'digest')).toEqual({ state: 'done', answer: '' });
    });

    test('is new again once it was forgotten', async () => {
      await using cluster = await start();
      const claim = await claimOf(cluster.node.requestLog.begin('app', 'key', 'digest'));
      await cluster.other.requestLog.forget('app', 'key', claim);
      await claimOf(cluster.node.requestLog.begin('app', 'key', 'another'));
    });

    test('an attempt that was given up touches neither the claim nor the answer of the one after it', async () => {
      await using cluster = await start();
      const [here, there] = [cluster.node.requestLog, cluster.other.requestLog];
      const late = await claimOf(here.begin('app', 'key', 'digest'));
      await here.forget('app', 'key', late);
      const claim = await claimOf(there.begin('app', 'key', 'digest'));
      await here.forget('app', 'key', late);
      await here.finish('app', 'key', { claim: late, digest: 'digest' }, 'late');
      expect(await here.begin('app', 'key', 'digest')).toEqual({ state: 'pending' });
      await there.finish('app', 'key', { claim, digest: 'digest' }, 'answer');
      await here.forget('app', 'key', late);
      await here.finish('app', 'key', { claim: late, digest: 'digest' }, 'late');
      expect(await here.begin('app', 'key', 'digest')).toEqual({ state: 'done', answer: 'answer' });
    });

    test('what is done after its claim lapsed is done, as long as nobody else began', async () => {
      await using cluster = await start();
      const { requestLog } = cluster.node;
      const claim = await claimOf(requestLog.begin('app', 'key', 'digest'));
      await requestLog.forget('app', 'key', claim);
      await requestLog.finish('app', 'key', { claim, digest: 'digest' }, 'late');
      expect(await requestLog.begin('app', 'key', 'digest')).toEqual({ state: 'done', answer: 'late' });
    });

    test('is new for one of many who come at once', async () => {
      await using cluster = await start();
      const askers = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? cluster.node : cluster.other));
      const attempts = await Promise.all(askers.map(({ requestLog }) => requestLog.begin('app', 'key', 'digest')));
      expect(attempts.filter(({ state }) => state === 'new')).toHaveLength(1);
    });

    test('keeps apps and keys apart, whatever their characters', async () => {
      await using cluster = await start();
      const { requestLog } = cluster.node;
      for (const key of awkwardTexts) await claimOf(requestLog.begin('app', key, 'digest'));
      for (const key of awkwardTexts) await claimOf(requestLog.begin('other', key, 'digest'));
      for (const key of awkwardTexts) expect((await requestLog.begin('app', key, 'digest')).state).toBe('pending');
    });
  });
}

/** Of an attempt that is new. */
async function claimOf(begun: Promise<Attempt>): Promise<string> {
  const attempt = await begun;
  if (attempt.state !== 'new') throw new Error(`the attempt is ${attempt.state}`);
  return attempt.claim;
}
