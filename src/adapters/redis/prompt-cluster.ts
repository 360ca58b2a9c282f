// ioredis' Cluster, which finds the masters by the slots of keys; set up so that what Redis did not answer has failed.
import { Cluster, type Command, type Redis } from 'ioredis';
import { atOnce, type ConnectionOptions } from './connections.ts';
import { scriptsThat } from './scripts/all.ts';
import { type Endpoint, endpointOf } from './settings.ts';

/** How often the masters are asked who of them has which slots, besides whenever something points to a change. */
const SLOTS_EVERY_MS = 2000;

type Others = [stream?: Parameters<Cluster['sendCommand']>[1], node?: unknown];

/** Does not come back by itself: `connect` again. */
export class PromptCluster extends Cluster {
  readonly #inUse = new Set<Redis>();

  /** @param access the same for every node */
  constructor(startNodes: readonly Endpoint[], access: ConnectionOptions) {
    super([...startNodes], {
      lazyConnect: true,
      enableReadyCheck: false,
      clusterRetryStrategy: () => null,
      // What Redis may have done already is not done again; only what it sent elsewhere, or to come later, is.
      retryDelayOnFailover: 0,
      retryDelayOnClusterDown: 0,
      slotsRefreshInterval: SLOTS_EVERY_MS,
      // Certificates are for names.
      dnsLookup: (name, resolve) => resolve(null, name),
      redisOptions: { ...atOnce, ...access },
      scripts: scriptsThat('SPUBLISH'),
    });
  }

  /** Fails at once unless the cluster is there; a connection to one of its masters is waited for. */
  override sendCommand(command: Command, ...others: Others): unknown {
    if (this.status === 'ready' || command.name === 'cluster') return super.sendCommand(command, ...others);
    command.reject(new Error('not connected'));
    return command.promise;
  }

  /**
   * @param listener is called when a master that was of use is gone or is none any more: what it was sent may be lost,
   * also where its successor is up already
   */
  onGone(listener: () => void): void {
    this.on('close', listener);
    this.on('+node', (node) =>
      node.once('ready', () => {
        this.#inUse.add(node);
        node.once('end', () => {
          if (this.#inUse.delete(node)) listener();
        });
      }),
    );
    this.on('refresh', () => {
      const masters = new Set(this.nodes('master'));
      const gone = [...this.#inUse].filter((node) => !masters.has(node));
      for (const node of gone) this.#inUse.delete(node);
      if (gone.length > 0) listener();
    });
  }

  masterOf(slot: number): Endpoint | undefined {
    const [master] = this.slots[slot] ?? [];
    return master === undefined ? undefined : endpointOf(master);
  }

  /** Rejects when no node can tell. */
  askForSlots(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.refreshSlotsCache((err) => (err ? reject(err) : resolve()));
    });
  }

  /** Connects to those that were of no use yet. Rejects when any does not answer. */
  pingMasters(): Promise<unknown> {
    return Promise.all(this.nodes('master').map((master) => master.ping()));
  }
}
