// The whole memory set, for a node that is alone.
import type { Adapters } from '../../core/ports.ts';
import type { QueueLimits } from '../queue-limits.ts';
import { MemoryBroker } from './broker.ts';
import { MemoryEventCache } from './event-cache.ts';
import { MemoryNodeRegistry } from './node-registry.ts';
import { MemoryRateLimiter } from './rate-limiter.ts';
import { MemoryRequestLog } from './request-log.ts';
import { MemoryTracker } from './tracker.ts';
import { MemoryWebhookQueue } from './webhook-queue.ts';

export function memoryAdapters(limits: Partial<QueueLimits> = {}): Adapters {
  const broker = new MemoryBroker();
  return {
    broker,
    tracker: new MemoryTracker(broker),
    eventCache: new MemoryEventCache(),
    rateLimiter: new MemoryRateLimiter(),
    nodeRegistry: new MemoryNodeRegistry(),
    requestLog: new MemoryRequestLog(),
    webhookQueue: new MemoryWebhookQueue(limits),
  };
}
