// What keeps a node alive in the eyes of the others: it is heard of in Redis before its lease lapses.
import type { RedisClient } from './client.ts';
import { lease } from './scripts/lease.lua.ts';

export interface LeaseOptions {
  /** A node that is not heard of for so long is taken for dead. */
  readonly leaseMs: number;
}

export interface Standing {
  /** false: the node was taken for dead, or Redis has lost everything. */
  readonly known: boolean;
  /** Ids of nodes to reap, handed to this one only. */
  readonly lapsed: readonly string[];
}

export class Lease {
  readonly #client: RedisClient;
  readonly #leaseMs: number;
  #renewedAtMs = 0;
  /** When Redis was found empty, by its clock, and how long ago that was when this was last asked. */
  #began: number | undefined;
  #ageMs = 0;
  /** Redis was found empty in the time of this node. */
  #emptied = false;

  constructor(client: RedisClient, { leaseMs }: LeaseOptions) {
    this.#client = client;
    this.#leaseMs = leaseMs;
  }

  /** Whether the others may have taken this node for dead by now. */
  get overdue(): boolean {
    return performance.now() - this.#renewedAtMs > this.#leaseMs;
  }

  /**
   * Whether Redis was found empty less than a lease ago: what nodes register again is news to Redis only, and who is
   * missing may still come.
   */
  get rebuilding(): boolean {
    return this.#emptied && this.#ageMs < this.#leaseMs;
  }

  /** For an id that was not there before; it is not told of other nodes yet. */
  async take(id: string): Promise<void> {
    await this.#run(id, 'new', []);
  }

  /** @param reaping ids this node is reaping: nobody else takes them over meanwhile */
  async renew(id: string, reaping: Iterable<string>): Promise<Standing> {
    const [known, lapsed] = await this.#run(id, '', reaping);
    return { known, lapsed };
  }

  async #run(id: string, as: 'new' | '', reaping: Iterable<string>): Promise<[known: boolean, lapsed: string[]]> {
    const { nodes, reaping: reaped, began, heard } = this.#client.keys;
    const sentAtMs = performance.now();
    type Answer = [known: 0 | 1, began: number, ageMs: number, ...lapsed: string[]];
    const args = [id, this.#leaseMs, as, ...reaping];
    const [known, beganAt, ageMs, ...lapsed] = await this.#client.run<Answer>(
      lease,
      [nodes, reaped, began, heard],
      args,
    );
    if (known === 1) this.#renewedAtMs = sentAtMs;
    if (this.#began !== undefined && this.#began !== beganAt) this.#emptied = true;
    this.#began = beganAt;
    this.#ageMs = ageMs;
    return [known === 1, lapsed];
  }
}
