// What every node registry does: nodes as they last described themselves, for all nodes to see.
import { describe, expect, test } from 'vitest';
import type { NodeReport } from '../../../src/core/ports.ts';
import { awkwardTexts, Deliveries, type MakeCluster } from './cluster.ts';

const report = (id: string, sockets = 0): NodeReport => ({
  id,
  host: 'höst "1" \n2',
  pid: 7,
  version: '1.2.3',
  startedAtMs: 1_700_000_000_123,
  sockets,
  draining: false,
});

export function nodeRegistryContract(name: string, make: MakeCluster): void {
  const start = () => make(new Deliveries().deliver);

  describe(`${name}: node registry`, () => {
    test('lists what nodes last reported, with the time since', async () => {
      await using cluster = await start();
      const { node, other } = cluster;
      expect(await node.nodeRegistry.list()).toEqual([]);
      await node.nodeRegistry.report(report('a', 1));
      await other.nodeRegistry.report(report('b', 2));
      await node.nodeRegistry.report({ ...report('a', 3), draining: true });
      const listed = await other.nodeRegistry.list();
      expect(listed.map(({ silentMs: _, ...rest }) => rest).sort((x, y) => x.id.localeCompare(y.id))).toEqual([
        { ...report('a', 3), draining: true },
        report('b', 2),
      ]);
      for (const { silentMs } of listed) expect(silentMs).toBeGreaterThanOrEqual(0);
      for (const { silentMs } of listed) expect(silentMs).toBeLessThan(10_000);
    });

    test('forgets a node, and nothing of one it does not know', async () => {
      await using cluster = await start();
      const { nodeRegistry } = cluster.node;
      for (const id of awkwardTexts) await nodeRegistry.report(report(id));
      await nodeRegistry.forget('nobody');
      expect(await cluster.other.nodeRegistry.list()).toHaveLength(awkwardTexts.length);
      for (const id of awkwardTexts) await cluster.other.nodeRegistry.forget(id);
      expect(await nodeRegistry.list()).toEqual([]);
    });
  });
}
