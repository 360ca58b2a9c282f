// Keeps this node's lease, and lets go of what nodes whose lease lapsed have left behind: by the same scripts and with
// the same announcements as if they had done it themselves.
import type { Logger } from 'pino';
import type { Departure, Return } from '../../core/ports.ts';
import type { Changes } from './changes.ts';
import type { RedisClient } from './client.ts';
import { readHolding } from './holdings.ts';
import type { Lease } from './lease.ts';
import type { Node } from './node.ts';
import { KEEP_SECONDS } from './scripts/keep.lua.ts';
import { strikeOff } from './scripts/strike-off.lua.ts';

/** What is let go of in one go, so that Redis serves others in between. */
const BATCH = 100;

export interface ReaperOptions {
  /** How often a node is heard of; several times per lease. */
  readonly refreshMs: number;
  /** How often Redis is told to keep what the node holds; several times per `KEEP_SECONDS`. */
  readonly keepEveryMs: number;
}

export class Reaper {
  readonly #client: RedisClient;
  readonly #node: Node;
  readonly #lease: Lease;
  readonly #changes: Changes;
  readonly #options: ReaperOptions;
  readonly #log: Logger;
  readonly #reaping = new Map<string, Promise<void>>();
  #onDeparture: (departure: Departure) => void = () => {};
  #onLost: () => void = () => {};
  #onRegistered: () => void = () => {};
  #onRefreshed: () => void = () => {};
  #lost = false;
  #registeredId = '';
  #refused = false;
  #timer: NodeJS.Timeout | undefined;
  #refreshedAtMs = 0;
  #keptAtMs = 0;
  #renewing: Promise<void> | undefined;
  #keeping: Promise<void> | undefined;

  constructor(client: RedisClient, node: Node, lease: Lease, changes: Changes, options: ReaperOptions, log: Logger) {
    this.#client = client;
    this.#node = node;
    this.#lease = lease;
    this.#changes = changes;
    this.#options = options;
    this.#log = log;
    client.onRestored(() => {
      if (this.#timer === undefined) return;
      // It may be another Redis by now, one that never heard of the latest changes.
      this.#node.doubt();
      void this.#refresh();
    });
  }

  /** Redis could not be reached for longer than the lease: the others take this node for dead. */
  get lost(): boolean {
    return this.#lost;
  }

  /** @param listener is called when the node is lost; once until it is back. */
  onLost(listener: () => void): void {
    this.#onLost = listener;
  }

  /** Whether Redis knows what this node holds, as far as can be known. */
  get registered(): boolean {
    return !this.#node.doubtful && this.#renewing === undefined;
  }

  /** @param listener is called when Redis has heard of the node once more */
  onRefreshed(listener: () => void): void {
    this.#onRefreshed = listener;
  }

  /** Redis is there and did not take what it was told of this node. */
  get refused(): boolean {
    return this.#refused;
  }

  /** Redis was found empty a moment ago: other nodes may be registering what they hold. */
  get rebuilding(): boolean {
    return this.#lease.rebuilding;
  }

  /** @param listener is called when the node is registered again, after a doubt */
  onRegistered(listener: () => void): void {
    this.#onRegistered = listener;
  }

  /**
   * @param onDeparture is called for each subscription this node ends in the name of another
   * @param onReturn is called for each subscription that another one had ended in the name of this node
   */
  async start(onDeparture: (departure: Departure) => void, onReturn: (returned: Return) => void): Promise<void> {
    if (this.#timer !== undefined) return;
    this.#onDeparture = onDeparture;
    await this.#node.start(onReturn);
    this.#registeredId = this.#node.id;
    this.#log.info({ nodeId: this.#node.id }, 'joined the cluster');
    this.#refreshedAtMs = this.#keptAtMs = performance.now();
    this.#timer = setInterval(() => this.#tick(), this.#options.refreshMs).unref();
  }

  /** Leaves the cluster; what the node still holds is let go of at once. */
  async stop(): Promise<void> {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    await Promise.all([this.#renewing, this.#keeping]);
    this.#node.forget();
    if (!this.#client.ready) return;
    this.#reapFormer();
    await Promise.all(this.#reaping.values());
  }

  #tick(): void {
    const nowMs = performance.now();
    const stalled = nowMs - this.#refreshedAtMs > 2 * this.#options.refreshMs;
    this.#refreshedAtMs = nowMs;
    // A process that stood still cannot tell whether it could have reached Redis: it tries first.
    if (this.#lease.overdue && !stalled) this.#lose();
    void this.#refresh();
    // Finds out that a connection is dead where nothing else would: the one that listens only waits.
    this.#client.ping().catch(() => {});
    if (nowMs - this.#keptAtMs < this.#options.keepEveryMs || this.#keeping !== undefined) return;
    this.#keptAtMs = nowMs;
    this.#keeping = this.#keep();
  }

  #lose(): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#log.error('Redis could not be reached for longer than the lease: this server is out of the cluster');
    this.#onLost();
  }

  /** Renews the lease, reaps what it is told to, and registers the node again when what Redis knows is in doubt. */
  async #refresh(): Promise<void> {
    const { id } = this.#node;
    try {
      const { known, lapsed } = await this.#lease.renew(id, this.#reaping.keys());
      if (this.#timer === undefined) return;
      for (const nodeId of lapsed) {
        if (!this.#reaping.has(nodeId)) this.#log.warn({ nodeId }, 'a node is gone without leaving');
        this.#startReaping(nodeId);
      }
      if (!known && id === this.#node.id) this.#node.doubt();
      if (this.#node.doubtful) this.#renewing ??= this.#renew();
      this.#lost &&= this.#lease.overdue;
      this.#reapFormer();
      this.#noteRegistered();
      this.#refused = false;
      this.#onRefreshed();
    } catch {
      // Redis is away, or refuses, which the client has logged; it is tried again.
      this.#refused = this.#client.ready;
    }
  }

  /** Beside the refreshes, as it may take longer than a lease. */
  async #renew(): Promise<void> {
    try {
      await this.#node.renew();
      this.#lost &&= this.#lease.overdue;
      this.#reapFormer();
    } catch {
      // Redis went away. The node is still doubtful, and what was not registered again is still its former id's.
    } finally {
      this.#renewing = undefined;
    }
    this.#noteRegistered();
  }

  /** A change that found its node gone may have had it registered again, too. */
  #noteRegistered(): void {
    if (!this.registered || this.#registeredId === this.#node.id) return;
    this.#registeredId = this.#node.id;
    this.#onRegistered();
  }

  #reapFormer(): void {
    for (const id of this.#node.former) this.#startReaping(id);
  }

  async #keep(): Promise<void> {
    try {
      await this.#node.keep();
    } catch {
      // Redis went away: everything is registered again, hence kept, when it is back.
    } finally {
      this.#keeping = undefined;
    }
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
    const own = this.#node.appsOfFormer(nodeId);
    const enlisted = await this.#client.answer(commands.smembers(keys.appsOf(nodeId)));
    for (const appId of new Set([...enlisted, ...(own ?? [])])) {
      // Another node may only be slow: from here on it holds nothing more under this id.
      const close = () => this.#client.answer(commands.set(keys.gone(appId, nodeId), '', 'EX', KEEP_SECONDS));
      if (own === undefined) await close();
      entries += await this.#reapApp(nodeId, appId);
    }
    const names = [keys.nodes, keys.reaping, keys.appsOf(nodeId), keys.began, keys.heard];
    await this.#client.run(strikeOff, names, [nodeId]);
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
      entries += texts.filter((text) => text !== '').length;
      await Promise.all(texts.map((text) => this.#depart(nodeId, appId, held, text)));
    }
  }

  async #depart(nodeId: string, appId: string, held: string, text: string): Promise<void> {
    const holding = readHolding(appId, text);
    if (holding === undefined) {
      await this.#client.answer(this.#client.commands.srem(held, text));
      return;
    }
    const departure = await this.#changes.depart(holding, nodeId);
    if (departure !== undefined) this.#onDeparture(departure);
  }
}
