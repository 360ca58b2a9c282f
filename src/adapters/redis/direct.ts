// Redis as one server, for commands and for listening: always the same, or whichever the Sentinels say is the master.
import { Redis } from 'ioredis';
import {
  atOnce,
  type ConnectionEvents,
  type ConnectionOptions,
  type Connections,
  reasonOf,
  retryAfterMs,
  type Subscriber,
  tlsOf,
} from './connections.ts';
import { scriptsThat } from './scripts/all.ts';
import { SentinelTroubles, Switches, throughSentinels } from './sentinels.ts';
import type { RedisOptions, Sentinels, Server } from './settings.ts';

export class DirectConnections implements Connections {
  readonly commands: Redis;
  readonly subscriber: Subscriber;
  readonly #listening: Redis;
  readonly #events: ConnectionEvents;
  readonly #db: number;
  readonly #switches: Switches | undefined;
  readonly #troubles = new SentinelTroubles();
  #open = false;

  constructor(place: Server | Sentinels, options: RedisOptions, events: ConnectionEvents) {
    this.#events = events;
    const { username, password, db } = place;
    this.#db = db;
    const tls = tlsOf(options, place.tls);
    const common: ConnectionOptions = {
      ...atOnce,
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(tls && { tls }),
      db,
      retryStrategy: retryAfterMs,
      ...(place.type === 'server'
        ? { host: place.host, port: place.port }
        : throughSentinels(place, tls, () => this.#open)),
    };
    this.commands = this.#observed(
      new Redis({ ...common, enableAutoPipelining: true, scripts: scriptsThat('PUBLISH') }),
    );
    this.#listening = this.#observed(new Redis(common));
    this.subscriber = new DirectSubscriber(this.#listening);
    const connectAnew = () => {
      for (const redis of [this.commands, this.#listening]) {
        // One that is not there yet asks the Sentinels anyway, and would end for good.
        if (redis.status === 'connect' || redis.status === 'ready') redis.disconnect(true);
      }
    };
    this.#switches = place.type === 'sentinels' ? new Switches(place, tls, connectAnew) : undefined;
  }

  get ready(): boolean {
    return this.commands.status === 'ready' && this.#listening.status === 'ready';
  }

  async connect(): Promise<void> {
    await Promise.all([this.commands.connect(), this.#listening.connect()]);
    // ioredis goes on without a word in database 0, which is another deployment's.
    if (this.#db !== 0) await this.commands.select(this.#db);
    this.#open = true;
    this.#switches?.start();
  }

  disconnect(): void {
    this.#open = false;
    this.#switches?.stop();
    this.commands.disconnect();
    this.#listening.disconnect();
  }

  publish(name: string, message: Buffer): Promise<unknown> {
    return this.commands.publish(name, message);
  }

  ping(): Promise<unknown> {
    return Promise.all([this.commands.ping(), this.#listening.ping()]);
  }

  #observed(redis: Redis): Redis {
    redis.on('sentinelError', (err: Error) => this.#troubles.add(err));
    redis.on('error', (err: Error) => this.#events.onTrouble(this.#troubles.explain(err) ?? reasonOf(err)));
    redis.on('close', this.#events.onDown);
    redis.on('ready', this.#events.onUp);
    return redis;
  }
}

class DirectSubscriber implements Subscriber {
  readonly #redis: Redis;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  get ready(): boolean {
    return this.#redis.status === 'ready';
  }

  subscribe(names: readonly string[]): Promise<unknown> {
    return this.#redis.subscribe(...names);
  }

  unsubscribe(name: string): Promise<unknown> {
    return this.#redis.unsubscribe(name);
  }

  onMessage(listener: (name: Buffer, message: Buffer) => void): void {
    this.#redis.on('messageBuffer', listener);
  }

  onLost(listener: () => void): void {
    this.#redis.on('close', listener);
  }
}
