// The adapters of workers keep the contracts, as two workers of one primary.
import { brokerContract } from './contract/broker.ts';
import type { MakeCluster } from './contract/cluster.ts';
import { eventCacheContract } from './contract/event-cache.ts';
import { nodeRegistryContract } from './contract/node-registry.ts';
import { rateLimiterContract } from './contract/rate-limiter.ts';
import { requestLogContract } from './contract/request-log.ts';
import { trackerContract } from './contract/tracker.ts';
import { webhookClaimContract, webhookQueueContract } from './contract/webhook-queue.ts';
import { startPrimary } from './support/ipc-worker.ts';

const makeCluster: MakeCluster = async (deliver, limits) => {
  const primary = await startPrimary(limits);
  const [node, other] = await Promise.all([primary.worker(deliver), primary.worker()]);
  return {
    node,
    other,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([node.stop(), other.stop()]);
      await primary[Symbol.asyncDispose]();
    },
  };
};

brokerContract('ipc', makeCluster);
trackerContract('ipc', makeCluster);
eventCacheContract('ipc', makeCluster);
rateLimiterContract('ipc', makeCluster);
nodeRegistryContract('ipc', makeCluster);
requestLogContract('ipc', makeCluster);
webhookQueueContract('ipc', makeCluster);
webhookClaimContract('ipc', makeCluster);
