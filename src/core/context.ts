// What every rule of core is handed: the ports and the state of this node. Types only.
import type { Logger } from 'pino';
import type { CacheMisses } from './cache-misses.ts';
import type { Connections } from './connections.ts';
import type { Facts } from './facts.ts';
import type { Hub } from './hub.ts';
import type { Adapters } from './ports.ts';
import type { SubscriptionCounts } from './subscription-counts.ts';
import type { TrafficCounters } from './traffic.ts';

export interface Context extends Adapters {
  readonly hub: Hub;
  readonly connections: Connections;
  readonly counts: SubscriptionCounts;
  readonly cacheMisses: CacheMisses;
  readonly facts: Facts;
  readonly traffic: TrafficCounters;
  readonly log: Logger;
}
