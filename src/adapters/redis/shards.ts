// Listening to a Redis Cluster's shard channels: one connection to each master that has some of ours. The masters know
// of their own channels only, so whatever may have moved a channel counts as a loss of all.
import type { Redis } from 'ioredis';
import type { Subscriber } from './connections.ts';
import { type Endpoint, endpointOf, endpointText } from './settings.ts';
import { slotOf } from './slot.ts';

type OnMessage = (name: Buffer, message: Buffer) => void;

interface Shard {
  readonly redis: Redis;
  /** Settles when it can be used, or cannot. */
  readonly opened: Promise<void>;
}

export interface ShardsOptions {
  /** The master of a slot, as far as known. */
  readonly masterOf: (slot: number) => Endpoint | undefined;
  /** A connection that is not open yet, and does not come back by itself. */
  readonly connectionTo: (master: Endpoint) => Redis;
}

export class Shards implements Subscriber {
  readonly #options: ShardsOptions;
  /** By the master's address. */
  readonly #shards = new Map<string, Shard>();
  /** Slots with channels of ours, and the address of the master that was asked for them. */
  readonly #slots = new Map<number, string>();
  readonly #onMessage: OnMessage[] = [];
  readonly #onLost: (() => void)[] = [];
  #lost = true;

  constructor(options: ShardsOptions) {
    this.#options = options;
  }

  get ready(): boolean {
    return !this.#lost;
  }

  onMessage(listener: OnMessage): void {
    this.#onMessage.push(listener);
  }

  onLost(listener: () => void): void {
    this.#onLost.push(listener);
  }

  /** A failure other than a refusal is a loss: the others' channels may have moved as well. */
  async subscribe(names: readonly string[]): Promise<void> {
    if (this.#lost) throw new Error('not connected');
    await Promise.all(Array.from(bySlot(names), ([slot, some]) => this.#subscribe(slot, some)));
  }

  async unsubscribe(name: string): Promise<void> {
    const shard = this.#shards.get(this.#slots.get(slotOf(name)) ?? '');
    await shard?.redis.sunsubscribe(name);
  }

  /** Opens a connection to the master of each slot that was listened to; whoever listened may then do so again. */
  async open(): Promise<void> {
    await Promise.all(Array.from(this.#slots.keys(), async (slot) => this.#shardAt(this.#masterOf(slot)).opened));
    this.#slots.clear();
    this.#lost = false;
  }

  /** Whether all channels are where they were when they were listened to. */
  get inPlace(): boolean {
    return [...this.#slots].every(([slot, master]) => this.#masterOf(slot) === master);
  }

  /** Messages may be missed from now on, until the next `open`. */
  lose(): void {
    this.#drop();
    if (this.#lost) return;
    this.#lost = true;
    for (const listener of this.#onLost) listener();
  }

  /** For good. */
  close(): void {
    this.#drop();
    this.#slots.clear();
    this.#lost = true;
  }

  /** Rejects when any connection does not answer. */
  ping(): Promise<unknown> {
    return Promise.all(Array.from(this.#shards.values(), ({ redis }) => redis.ping()));
  }

  async #subscribe(slot: number, names: readonly string[]): Promise<void> {
    const master = this.#masterOf(slot);
    this.#slots.set(slot, master);
    const shard = this.#shardAt(master);
    try {
      await shard.opened;
      await shard.redis.ssubscribe(...names);
    } catch (err) {
      if (this.#shards.get(master) === shard && !isForbidden(err)) this.lose();
      throw err;
    }
  }

  /** Its address; empty when none is known. */
  #masterOf(slot: number): string {
    const master = this.#options.masterOf(slot);
    return master === undefined ? '' : endpointText(master);
  }

  #shardAt(master: string): Shard {
    const known = this.#shards.get(master);
    if (known !== undefined) return known;
    const redis = this.#options.connectionTo(endpointOf(master));
    const shard = { redis, opened: redis.connect() };
    this.#shards.set(master, shard);
    redis.on('smessageBuffer', this.#receive);
    const onLost = () => {
      if (this.#shards.get(master) === shard) this.lose();
    };
    redis.on('close', onLost);
    // Redis said that a channel is another master's now.
    redis.on('moved', onLost);
    return shard;
  }

  /** What the connections still bring would come twice, or too late. */
  #drop(): void {
    for (const { redis } of this.#shards.values()) redis.off('smessageBuffer', this.#receive).disconnect();
    this.#shards.clear();
  }

  readonly #receive: OnMessage = (name, message) => {
    for (const listener of this.#onMessage) listener(name, message);
  };
}

function bySlot(names: readonly string[]): Map<number, string[]> {
  const groups = new Map<number, string[]>();
  for (const name of names) {
    const slot = slotOf(name);
    const group = groups.get(slot);
    if (group === undefined) groups.set(slot, [name]);
    else group.push(name);
  }
  return groups;
}

/** Redis knows the user, and refuses: that is so wherever the channel is. */
function isForbidden(err: unknown): boolean {
  return err instanceof Error && err.message.startsWith('NOPERM');
}
