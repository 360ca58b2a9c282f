// This node as Redis knows it: its id, what it holds, and how it takes a new id when what Redis knows is in doubt.
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Return } from '../../core/ports.ts';
import { requestErrors } from '../../protocol/errors.ts';
import type { Holding } from '../holdings.ts';
import { type Changes, NodeGone } from './changes.ts';
import type { RedisClient } from './client.ts';
import { writeHolding } from './holdings.ts';
import type { Lease } from './lease.ts';
import { KEEP_SECONDS } from './scripts/keep.lua.ts';

/** What is registered again, or kept, in one go. */
const BATCH = 200;

interface Held {
  readonly holding: Holding;
  /** The id it was last registered under. */
  nodeId: string;
}

export class Node {
  readonly #client: RedisClient;
  readonly #changes: Changes;
  readonly #lease: Lease;
  readonly #log: Logger;
  #onReturn: (returned: Return) => void = () => {};
  #id = newId();
  /** Ids this node had, with their apps: whatever they still hold in Redis is to be let go of. */
  readonly #former = new Map<string, readonly string[]>();
  /** By app and text. What a change that is under way adds is in it already. */
  readonly #held = new Map<string, Held>();
  /** Apps Redis is told, or was told, that this id serves. */
  readonly #apps = new Map<string, Promise<unknown>>();
  /** Changes sent and not yet answered. */
  readonly #pending = new Set<Promise<unknown>>();
  #renewing: Promise<void> | undefined;
  #doubtful = false;

  constructor(client: RedisClient, changes: Changes, lease: Lease, log: Logger) {
    this.#client = client;
    this.#changes = changes;
    this.#lease = lease;
    this.#log = log;
  }

  get id(): string {
    return this.#id;
  }

  /** Whether Redis may know something else than this node: then it is time to `renew`. */
  get doubtful(): boolean {
    return this.#doubtful;
  }

  /** What Redis has may not be what it answered: the node was taken for dead, or Redis was away and is another one. */
  doubt(): void {
    this.#doubtful = true;
  }

  /** Ids to reap; call `reaped` when that is done. None while something of this node may be registered under them yet. */
  get former(): readonly string[] {
    return this.#doubtful || this.#renewing !== undefined ? [] : [...this.#former.keys()];
  }

  /** Of a former id of this node, as Redis may have lost them; undefined for every other id. */
  appsOfFormer(nodeId: string): readonly string[] | undefined {
    return this.#former.get(nodeId);
  }

  reaped(nodeId: string): void {
    this.#former.delete(nodeId);
  }

  /** @param onReturn is called for each subscription that the others took for ended */
  async start(onReturn: (returned: Return) => void): Promise<void> {
    this.#onReturn = onReturn;
    await this.#lease.take(this.#id);
  }

  /**
   * Runs a change that makes the node hold something, unless its answer is a refusal. A node that turns out to be taken
   * for dead takes a new id first.
   */
  async hold<T>(holding: Holding, change: (nodeId: string) => Promise<T>, refused: (answer: T) => boolean): Promise<T> {
    const id = this.#id;
    try {
      return await this.#hold(holding, change, refused);
    } catch (err) {
      if (!(err instanceof NodeGone)) throw err;
    }
    try {
      // Once for all who were told at the same time.
      await (id === this.#id ? this.renew() : this.#renewing);
      return await this.#hold(holding, change, refused);
    } catch (err) {
      throw err instanceof NodeGone ? requestErrors.unavailable() : err;
    }
  }

  /** Runs a change after which the node does not hold something any more, whether it succeeds or not. */
  async letGo<T>(holding: Holding, change: (nodeId: string) => Promise<T>): Promise<T> {
    const key = keyOf(holding);
    const nodeId = this.#held.get(key)?.nodeId ?? this.#id;
    this.#held.delete(key);
    return await this.#send(() => change(nodeId));
  }

  /**
   * Takes a new id and registers everything held under it; changes made meanwhile already use it. What the former id
   * holds beyond that is nobody's: joins that were reported as failed, leaves that did not arrive.
   */
  renew(): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** Has Redis keep what this node holds for another day. */
  async keep(): Promise<void> {
    const { commands, keys } = this.#client;
    const perApp = (appId: string) => [
      keys.held(appId, this.#id),
      keys.connections(appId),
      keys.channels(appId),
      keys.names(appId),
      keys.changes(appId),
    ];
    const names = new Set([keys.appsOf(this.#id), ...[...this.#apps.keys()].flatMap(perApp)]);
    for (const { holding } of this.#held.values()) for (const key of this.#changes.keysOf(holding)) names.add(key);
    const all = [...names];
    for (let from = 0; from < all.length; from += BATCH) {
      const some = all.slice(from, from + BATCH).map((name) => commands.expire(name, KEEP_SECONDS));
      await this.#client.answer(Promise.all(some));
    }
  }

  /** Lets go of all there is, at once and without telling Redis. */
  forget(): void {
    this.#retire();
    this.#held.clear();
    this.#doubtful = false;
  }

  async #renew(): Promise<void> {
    this.#retire();
    this.#id = newId();
    this.#doubtful = false;
    try {
      // What was sent under the former id comes first: a join that is then refused must not be registered.
      await Promise.all([this.#lease.take(this.#id), Promise.allSettled(this.#pending)]);
      const outdated = [...this.#held].filter(([, { nodeId }]) => nodeId !== this.#id);
      for (let from = 0; from < outdated.length; from += BATCH) {
        await Promise.all(outdated.slice(from, from + BATCH).map(([key, held]) => this.#registerAgain(key, held)));
      }
      this.#log.info({ nodeId: this.#id, registered: outdated.length }, 'registered in Redis again');
    } catch (err) {
      this.#doubtful = true;
      throw err;
    }
  }

  #retire(): void {
    this.#former.set(this.#id, [...this.#apps.keys()]);
    this.#apps.clear();
  }

  async #hold<T>(
    holding: Holding,
    change: (nodeId: string) => Promise<T>,
    refused: (answer: T) => boolean,
  ): Promise<T> {
    const key = keyOf(holding);
    const nodeId = await this.#enlisted(holding.appId);
    this.#held.set(key, { holding, nodeId });
    return await this.#send(async () => {
      try {
        const answer = await change(nodeId);
        if (refused(answer)) this.#held.delete(key);
        return answer;
      } catch (err) {
        this.#held.delete(key);
        throw err;
      }
    });
  }

  async #registerAgain(key: string, held: Held): Promise<void> {
    const { holding } = held;
    const nodeId = await this.#enlisted(holding.appId);
    // Left or left and taken again since the list was made.
    if (this.#held.get(key) !== held) return;
    held.nodeId = nodeId;
    const quiet = this.#lease.rebuilding;
    const returned = await this.#send(() => this.#changes.enter(holding, nodeId, quiet));
    if (returned !== undefined && !quiet) this.#onReturn(returned);
  }

  /**
   * Lets reapers know of the app before anything is held there.
   * @returns the id they know it of, which is this node's at this moment
   */
  async #enlisted(appId: string): Promise<string> {
    for (;;) {
      const id = this.#id;
      let told = this.#apps.get(appId);
      if (told === undefined) {
        told = this.#send(() => this.#changes.enlist(appId, id));
        this.#apps.set(appId, told);
      }
      try {
        await told;
      } catch (err) {
        if (this.#apps.get(appId) === told) this.#apps.delete(appId);
        throw err;
      }
      if (id === this.#id) return id;
    }
  }

  async #send<T>(change: () => Promise<T>): Promise<T> {
    const sent = change();
    this.#pending.add(sent);
    try {
      return await sent;
    } catch (err) {
      // It may have happened nevertheless.
      this.#doubtful = true;
      throw err;
    } finally {
      this.#pending.delete(sent);
    }
  }
}

function newId(): string {
  return randomUUID();
}

function keyOf(holding: Holding): string {
  return `${holding.appId}/${writeHolding(holding)}`;
}
