// Keeps this node's lease, and lets go of what nodes whose lease lapsed have left behind: by the same scripts and with
// the same announcements as if they had done it themselves.
import type { Logger } from 'pino';
import type { Departure } from '../../core/ports.ts';
import type { Changes } from './changes.ts';
import type { RedisClient } from './client.ts';
import { announceLeft, readHolding } from './holdings.ts';
import type { Node } from './node.ts';
import { lease } from './scripts/lease.lua.ts';

/** What is let go of in one go, so that Redis serves others in between. */
const BATCH = 100;

export interface ReaperOptions {
  /** A node that is not heard of for so long is taken for dead. */
  readonly leaseMs: number;
  /** How often a node is heard of; several times per lease. */
  readonly refreshMs: number;
}

export class Reaper {
  readonly #client: RedisClient;
  readonly #node: Node;
  readonly #changes: Changes;
  readonly #options: ReaperOptions;
  readonly #log: Logger;
  readonly #reaping = new Map<string, Promise<void>>();
  #onDeparture: (departure: Departure) => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> | undefined;

  constructor(client: RedisClient, node: Node, changes: Changes, options: ReaperOptions, log: Logger) {
    this.#client = client;
    this.#node = node;
    this.#changes = changes;
    this.#options = options;
    this.#log = log;
    client.onRestored(() => {
      if (this.#timer !== undefined) void this.#refresh();
    });
  }

  /** @param onDeparture is called for each subscription this node ends in the name of another */
  async start(onDeparture: (departure: Departure) => void): Promise<void> {
    if (this.#timer !== undefined) return;
    this.#onDeparture = onDeparture;
    await this.#lease(this.#node.id, true);
    this.#timer = setInterval(() => void this.#refresh(), this.#options.refreshMs).unref();
  }

  /** Leaves the cluster; what the node still holds is let go of at once. */
  async stop(): Promise<void> {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#renewing;
    this.#node.forget();
    if (!this.#client.ready) return;
    for (const id of this.#node.former.keys()) this.#startReaping(id);
    await Promise.all(this.#reaping.values());
  }

  /** Renews the lease, reaps what it is told to, and registers the node again when what Redis knows is in doubt. */
  async #refresh(): Promise<void> {
    const { id } = this.#node;
    try {
      const [known, ...lapsed] = await this.#lease(id);
      if (this.#timer === undefined) return;
      for (const nodeId of lapsed) {
        this.#log.warn({ nodeId }, 'a node is gone without leaving');
        this.#startReaping(nodeId);
      }
      if (known === 0 && id === this.#node.id) this.#node.doubt();
      if (this.#node.doubtful) this.#renewing ??= this.#renew();
    } catch {
      // Redis is away, which the client has logged; it is tried again when Redis is back.
    }
  }

  /** Beside the refreshes, as it may take longer than a lease. */
  async #renew(): Promise<void> {
    try {
      await this.#node.renew((id) => this.#lease(id, true));
      for (const id of this.#node.former.keys()) this.#startReaping(id);
    } catch {
      // Redis went away. The node is still doubtful, and what was not registered again is still its former id's.
    } finally {
      this.#renewing = undefined;
    }
  }

  /** @param isNew the id was not there before; it is not told of other nodes yet */
  #lease(id: string, isNew = false): Promise<[known: 0 | 1, ...lapsed: string[]]> {
    const { nodes, reaping } = this.#client.keys;
    return this.#client.run(lease, [nodes, reaping], [id, this.#options.leaseMs, isNew ? 'new' : '']);
  }

  /** A node that is being reaped here already is left alone. */
  #startReaping(nodeId: string): void {
    if (this.#reaping.has(nodeId)) return;
    const reaping = this.#reap(nodeId)
      .then((entries) => {
        this.#node.reaped(nodeId);
        if (entries > 0) this.#log.info({ nodeId, entries }, 'removed what a node left behind');
      })
      // Whoever finds that it went no further takes over when the claim lapses.
      .catch((err: unknown) => this.#log.warn({ err, nodeId }, 'a node could not be removed completely'))
      .finally(() => this.#reaping.delete(nodeId));
    this.#reaping.set(nodeId, reaping);
  }

  /** @returns how many entries there were. */
  async #reap(nodeId: string): Promise<number> {
    const { commands, keys } = this.#client;
    let entries = 0;
    const enlisted = await this.#client.answer(commands.smembers(keys.appsOf(nodeId)));
    for (const appId of new Set([...enlisted, ...(this.#node.former.get(nodeId) ?? [])])) {
      entries += await this.#reapApp(nodeId, appId);
    }
    await this.#client.answer(commands.del(keys.appsOf(nodeId)));
    await this.#client.answer(Promise.all([commands.zrem(keys.nodes, nodeId), commands.zrem(keys.reaping, nodeId)]));
    return entries;
  }

  /** Each script takes its entry out of the register, so what is drawn next is something else. */
  async #reapApp(nodeId: string, appId: string): Promise<number> {
    const { commands, keys } = this.#client;
    const held = keys.held(appId, nodeId);
    let entries = 0;
    for (;;) {
      const texts = await this.#client.answer(commands.srandmember(held, BATCH));
      if (texts.length === 0) return entries;
      entries += texts.length;
      await Promise.all(texts.map((text) => this.#depart(nodeId, appId, held, text)));
    }
  }

  async #depart(nodeId: string, appId: string, held: string, text: string): Promise<void> {
    const holding = readHolding(appId, text);
    if (holding === undefined) {
      await this.#client.answer(this.#client.commands.srem(held, text));
    } else if (holding.type === 'subscription') {
      const { channel, member } = holding;
      const left = await this.#changes.leave(holding, nodeId, announceLeft(holding));
      this.#onDeparture({ appId, channel, userId: member?.userId, left });
    } else {
      await this.#changes.depart(holding, nodeId);
    }
  }
}
