// The whole set of a worker whose primary holds the memory adapters.
import type { Adapters } from '../../core/ports.ts';
import { IpcBroker } from './broker.ts';
import { Caller } from './caller.ts';
import type { Channel } from './channel.ts';
import { IpcEventCache } from './event-cache.ts';
import { IpcNodeRegistry } from './node-registry.ts';
import { IpcRateLimiter } from './rate-limiter.ts';
import { IpcRequestLog } from './request-log.ts';
import { IpcTracker } from './tracker.ts';
import { IpcWebhookQueue } from './webhook-queue.ts';

/** @param channel to the primary, who has attached its other end */
export function ipcAdapters(channel: Channel): Adapters {
  const primary = new Caller(channel);
  return {
    broker: new IpcBroker(primary),
    tracker: new IpcTracker(primary),
    eventCache: new IpcEventCache(primary),
    rateLimiter: new IpcRateLimiter(primary),
    nodeRegistry: new IpcNodeRegistry(primary),
    requestLog: new IpcRequestLog(primary),
    webhookQueue: new IpcWebhookQueue(primary),
  };
}
