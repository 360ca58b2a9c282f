// This node as Redis knows it: its id, what it holds, and how it takes a new id when what Redis knows is in doubt.
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Changes } from './changes.ts';
import type { RedisClient } from './client.ts';
import { type Holding, writeHolding } from './holdings.ts';

/** What is registered again in one go. */
const BATCH = 200;

interface Held {
  readonly holding: Holding;
  /** The id it was last registered under. */
  nodeId: string;
}

export class Node {
  readonly #client: RedisClient;
  readonly #changes: Changes;
  readonly #log: Logger;
  #id = newId();
  /** Ids this node had, with their apps: whatever they still hold in Redis is to be let go of. */
  readonly #former = new Map<string, readonly string[]>();
  /** By app and text. What a change that is under way adds is in it already. */
  readonly #held = new Map<string, Held>();
  /** Apps Redis knows this id to serve. */
  readonly #apps = new Set<string>();
  /** Changes sent and not yet answered. */
  readonly #pending = new Set<Promise<unknown>>();
  #doubtful = false;

  constructor(client: RedisClient, changes: Changes, log: Logger) {
    this.#client = client;
    this.#changes = changes;
    this.#log = log;
  }

  get id(): string {
    return this.#id;
  }

  /** Whether Redis may know something else than this node: then it is time to `renew`. */
  get doubtful(): boolean {
    return this.#doubtful;
  }

  /** Redis does not know the id: the node was taken for dead, or Redis has lost everything. */
  doubt(): void {
    this.#doubtful = true;
  }

  /** Ids to reap, with their apps, which Redis may have lost; call `reaped` when that is done. */
  get former(): ReadonlyMap<string, readonly string[]> {
    return this.#former;
  }

  reaped(nodeId: string): void {
    this.#former.delete(nodeId);
  }

  /** Runs a change that makes the node hold something, unless its answer is a refusal. */
  async hold<T>(holding: Holding, change: (nodeId: string) => Promise<T>, refused: (answer: T) => boolean): Promise<T> {
    const key = keyOf(holding);
    this.#enlist(holding.appId);
    this.#held.set(key, { holding, nodeId: this.#id });
    try {
      const answer = await this.#send(change(this.#id));
      if (refused(answer)) this.#held.delete(key);
      return answer;
    } catch (err) {
      this.#held.delete(key);
      throw err;
    }
  }

  /** Runs a change after which the node does not hold something any more, whether it succeeds or not. */
  async letGo<T>(holding: Holding, change: (nodeId: string) => Promise<T>): Promise<T> {
    const key = keyOf(holding);
    const nodeId = this.#held.get(key)?.nodeId ?? this.#id;
    this.#held.delete(key);
    return await this.#send(change(nodeId));
  }

  /**
   * Takes a new id and registers everything held under it; changes made meanwhile already use it. What the former id
   * holds beyond that is nobody's: joins that were reported as failed, leaves that did not arrive.
   * @param announceId tells the cluster of the new id
   */
  async renew(announceId: (nodeId: string) => Promise<unknown>): Promise<void> {
    this.#retire();
    this.#id = newId();
    this.#doubtful = false;
    try {
      // What was sent under the former id comes first: a join that is then refused must not be registered.
      await Promise.all([announceId(this.#id), Promise.allSettled(this.#pending)]);
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

  /** Lets go of all there is, at once and without telling Redis. */
  forget(): void {
    this.#retire();
    this.#held.clear();
  }

  #retire(): void {
    this.#former.set(this.#id, [...this.#apps]);
    this.#apps.clear();
  }

  async #registerAgain(key: string, held: Held): Promise<void> {
    // Left or left and taken again since the list was made.
    if (this.#held.get(key) !== held) return;
    this.#enlist(held.holding.appId);
    held.nodeId = this.#id;
    await this.#send(this.#changes.enter(held.holding, this.#id));
  }

  /**
   * Lets a reaper know of the app before anything is held there: commands arrive in the order sent. When it fails, the
   * node is in doubt, and its next id is enlisted anew.
   */
  #enlist(appId: string): void {
    if (this.#apps.has(appId)) return;
    this.#apps.add(appId);
    const { commands, keys } = this.#client;
    this.#send(this.#client.answer(commands.sadd(keys.appsOf(this.#id), appId))).catch(() => {});
  }

  async #send<T>(change: Promise<T>): Promise<T> {
    this.#pending.add(change);
    try {
      return await change;
    } catch (err) {
      // It may have happened nevertheless.
      this.#doubtful = true;
      throw err;
    } finally {
      this.#pending.delete(change);
    }
  }
}

function newId(): string {
  return randomUUID();
}

function keyOf(holding: Holding): string {
  return `${holding.appId}/${writeHolding(holding)}`;
}
