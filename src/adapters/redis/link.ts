// Whether this node reaches Redis, by asking it: for health checks, and for core, which sends its sockets away when it
// does not for too long.
import type { Link, Member } from '../../core/ports.ts';
import type { RedisBroker } from './broker.ts';
import { membersOf } from './changes.ts';
import type { RedisClient } from './client.ts';
import type { Reaper } from './reaper.ts';
import { roster } from './scripts/members.lua.ts';

/** Longest time a health check waits for Redis. */
const ANSWER_WITHIN_MS = 1000;

export interface LinkOptions {
  /** Whether a node that is out of the cluster sends its sockets away. */
  readonly closeWhenLost: boolean;
}

export class RedisLink implements Link {
  readonly #client: RedisClient;
  readonly #broker: RedisBroker;
  readonly #reaper: Reaper;
  readonly #options: LinkOptions;
  #onRestored: () => void = () => {};
  #onSettled: () => void = () => {};
  #settled = true;

  constructor(client: RedisClient, broker: RedisBroker, reaper: Reaper, options: LinkOptions) {
    this.#client = client;
    this.#broker = broker;
    this.#reaper = reaper;
    this.#options = options;
    broker.onListening(() => this.#regained());
    reaper.onRegistered(() => this.#regained());
    reaper.onRefreshed(() => this.#settle());
  }

  get lost(): boolean {
    return this.#options.closeWhenLost && this.#reaper.lost;
  }

  get malformed(): number {
    return this.#broker.malformed;
  }

  onLost(listener: () => void): void {
    this.#reaper.onLost(() => {
      if (this.#options.closeWhenLost) listener();
    });
  }

  onRestored(listener: () => void): void {
    this.#onRestored = listener;
  }

  onSettled(listener: () => void): void {
    this.#onSettled = listener;
  }

  async roster(appId: string, channel: string): Promise<{ members: Member[]; change: number }> {
    const { keys } = this.#client;
    type Answer = [change: number, members: string[]];
    const names = [keys.members(appId, channel), keys.changes(appId)];
    const [change, members] = await this.#client.run<Answer>(roster, names, [channel]);
    return { change, members: membersOf(members) };
  }

  /** Listening or registered again: between, messages were lost. */
  #regained(): void {
    this.#settled = false;
    if (this.#broker.listening && this.#reaper.registered) this.#onRestored();
    this.#settle();
  }

  /** Not before all nodes had the time to register with a Redis that lost everything. */
  #settle(): void {
    if (this.#settled || !this.#broker.listening || !this.#reaper.registered || this.#reaper.rebuilding) return;
    this.#settled = true;
    this.#onSettled();
  }

  async trouble(): Promise<string | undefined> {
    if (!this.#client.ready) return 'Redis cannot be reached.';
    if (!(await this.#answers())) return 'Redis does not answer.';
    if (this.#reaper.refused) return 'Redis refuses what this server tells it: its log says why.';
    if (!this.#broker.listening) return 'Redis is back, but this server does not listen to it again yet.';
    return this.#reaper.lost ? 'Redis is back, but this server has not joined the cluster again yet.' : undefined;
  }

  /** Both connections, as either may be dead without knowing it. */
  async #answers(): Promise<boolean> {
    let late: NodeJS.Timeout | undefined;
    const tooLate = new Promise<false>((resolve) => {
      late = setTimeout(resolve, ANSWER_WITHIN_MS, false);
    });
    const answered = this.#client.ping().then(
      () => true,
      () => false,
    );
    const answers = await Promise.race([answered, tooLate]);
    clearTimeout(late);
    return answers;
  }
}
