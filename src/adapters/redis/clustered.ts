// Redis as a Cluster: commands go to the masters by the slots of their keys, listening has connections of its own. It is
// there as a whole or not at all: any loss is one of everything, until all masters can be reached again.
import {
  CONNECT_WITHIN_MS,
  type ConnectionEvents,
  type ConnectionOptions,
  type Connections,
  connectionTo,
  reasonOf,
  retryAfterMs,
  tlsOf,
} from './connections.ts';
import { PromptCluster } from './prompt-cluster.ts';
import { type Cluster, endpointText, type RedisOptions } from './settings.ts';
import { Shards } from './shards.ts';

export class ClusteredConnections implements Connections {
  readonly commands: PromptCluster;
  readonly subscriber: Shards;
  readonly #place: Cluster;
  readonly #access: ConnectionOptions;
  readonly #events: ConnectionEvents;
  #open = false;
  #attempt = 0;
  #retry: NodeJS.Timeout | undefined;

  constructor(place: Cluster, options: RedisOptions, events: ConnectionEvents) {
    this.#place = place;
    this.#events = events;
    const { username, password } = place;
    const tls = tlsOf(options, place.tls);
    this.#access = {
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(tls && { tls }),
      retryStrategy: () => null,
    };
    this.commands = new PromptCluster(place.startNodes, this.#access);
    this.subscriber = new Shards({
      masterOf: (slot) => this.commands.masterOf(slot),
      connectionTo: (master) => connectionTo(master, this.#access, events.onTrouble),
    });
    this.subscriber.onLost(() => {
      events.onDown();
      this.#recoverSoon();
    });
    this.#observe();
  }

  get ready(): boolean {
    return this.commands.status === 'ready' && this.subscriber.ready;
  }

  async connect(): Promise<void> {
    await this.#find();
    await this.#reach();
    this.#open = true;
  }

  disconnect(): void {
    this.#open = false;
    clearTimeout(this.#retry);
    this.commands.disconnect();
    this.subscriber.close();
  }

  publish(name: string, message: Buffer): Promise<unknown> {
    return this.commands.spublish(name, message);
  }

  ping(): Promise<unknown> {
    return Promise.all([this.commands.pingMasters(), this.subscriber.ping()]);
  }

  #observe(): void {
    const lose = () => {
      if (this.#open) this.subscriber.lose();
    };
    this.commands.on('error', (err) => this.#events.onTrouble(reasonOf(err)));
    this.commands.on('node error', (err, address) => this.#events.onTrouble(`${address}: ${reasonOf(err)}`));
    this.commands.onGone(lose);
    this.commands.on('refresh', () => {
      if (this.ready && !this.subscriber.inPlace) lose();
    });
  }

  #recoverSoon(): void {
    clearTimeout(this.#retry);
    if (!this.#open) return;
    this.#attempt += 1;
    this.#retry = setTimeout(() => void this.#recover(), retryAfterMs(this.#attempt));
  }

  async #recover(): Promise<void> {
    try {
      await this.#reach();
    } catch {
      this.subscriber.lose();
      this.#recoverSoon();
      return;
    }
    this.#attempt = 0;
    this.#events.onUp();
  }

  /** Of the nodes that are named, the first that is of any use will do. ioredis would not tell why none is. */
  async #find(): Promise<void> {
    let failure: unknown;
    for (const node of this.#place.startNodes) {
      const connection = connectionTo(node, this.#access, this.#events.onTrouble);
      try {
        await connection.connect();
        expectUp(await connection.cluster('INFO'));
        return;
      } catch (err) {
        failure = err;
        // Why it could not be opened was reported; not what an open one is told.
        if (connection.status === 'ready') {
          this.#events.onTrouble(`${endpointText(node)}: ${reasonOf(err as Error)}`);
        }
      } finally {
        connection.disconnect();
      }
    }
    throw failure;
  }

  async #reach(): Promise<void> {
    if (this.commands.status === 'ready') await this.commands.askForSlots();
    else await this.commands.connect();
    expectUp(await this.commands.cluster('INFO'));
    await soon(this.commands.pingMasters());
    await soon(this.subscriber.open());
  }
}

const DOWN = 'the cluster is down';

function expectUp(info: unknown): void {
  if (!String(info).includes('cluster_state:ok')) throw new Error(DOWN);
}

/** Whom the others have not yet found to stand still is not waited for: it may be another's turn by then. */
async function soon<T>(answer: Promise<T>): Promise<T> {
  let late: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(new Error('no answer')), CONNECT_WITHIN_MS);
  });
  try {
    return await Promise.race([answer, tooLate]);
  } finally {
    clearTimeout(late);
  }
}
