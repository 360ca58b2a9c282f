// What every request log does: of requests with one key, one is new, whichever node is asked.
import { describe, expect, test } from 'vitest';
import { awkwardTexts, Deliveries, type MakeCluster } from './cluster.ts';

export function requestLogContract(name: string, make: MakeCluster): void {
  const start = () => make(new Deliveries().deliver);

  describe(`${name}: request log`, () => {
    test('is new once, then pending, then done with its answer', async () => {
      await using cluster = await start();
      const [here, there] = [cluster.node.requestLog, cluster.other.requestLog];
      expect(await here.begin('app', 'key', 'digest')).toEqual({ state: 'new' });
      expect(await there.begin('app', 'key', 'digest')).toEqual({ state: 'pending' });
      await here.finish('app', 'key', 'digest', '{"ü":1}');
      expect(await there.begin('app', 'key', 'digest')).toEqual({ state: 'done', answer: '{"ü":1}' });
      expect(await here.begin('app', 'key', 'digest')).toEqual({ state: 'done', answer: '{"ü":1}' });
    });

    test('tells a key that was used for another request, whether that is done or not', async () => {
      await using cluster = await start();
      const { requestLog } = cluster.node;
      await requestLog.begin('app', 'key', 'digest');
      expect(await requestLog.begin('app', 'key', 'another')).toEqual({ state: 'other' });
      await requestLog.finish('app', 'key', 'digest', '');
      expect(await requestLog.begin('app', 'key', 'another')).toEqual({ state: 'other' });
      expect(await requestLog.begin('app', 'key', 'digest')).toEqual({ state: 'done', answer: '' });
    });

    test('is new again once it was forgotten', async () => {
      await using cluster = await start();
      await cluster.node.requestLog.begin('app', 'key', 'digest');
      await cluster.other.requestLog.forget('app', 'key');
      expect(await cluster.node.requestLog.begin('app', 'key', 'another')).toEqual({ state: 'new' });
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
      for (const key of awkwardTexts) expect(await requestLog.begin('app', key, 'digest')).toEqual({ state: 'new' });
      for (const key of awkwardTexts) expect(await requestLog.begin('other', key, 'digest')).toEqual({ state: 'new' });
      for (const key of awkwardTexts) expect((await requestLog.begin('app', key, 'digest')).state).toBe('pending');
    });
  });
}
