// Ties the rules to their ports and state. The edges hold the result, and nothing else of core. Longer than other files, as
// it has a short method for each thing they may ask for.
import type { Logger } from 'pino';
import type { ChannelAnswer, CountsAsked, EventRequest } from '../protocol/api.ts';
import { endings } from '../protocol/errors.ts';
import { Administration } from './administration.ts';
import { type Handshake, refusal } from './admission.ts';
import type { App } from './app.ts';
import type { AppStore } from './app-store.ts';
import { depart, establish, freshSocketId } from './arrivals.ts';
import { CacheMisses } from './cache-misses.ts';
import { type CountedChannel, countChannels, describeChannel, listChannels, listMembers } from './channels.ts';
import { Connection, type ConnectionHandler, refuse } from './connection.ts';
import { Connections, type DrainOptions } from './connections.ts';
import { hasJoined, hasLeft, sendCount } from './consequences.ts';
import type { Context } from './context.ts';
import { trigger } from './events.ts';
import { Facts } from './facts.ts';
import { forgetApp } from './forgotten-app.ts';
import { Hub } from './hub.ts';
import { LiveApps } from './live-apps.ts';
import { handleMessage } from './messages.ts';
import { type Done, type Identified, once } from './once.ts';
import { Outbox } from './outbox.ts';
import type { Adapters, Deliver, Departure, Link, Member, Return, Transport } from './ports.ts';
import { reconcile } from './reconcile.ts';
import { revoke, unsubscribeUser } from './revocation.ts';
import { SubscriptionCounts } from './subscription-counts.ts';
import { type Traffic, TrafficCounters } from './traffic.ts';
import { terminateUser } from './users.ts';
import type { WebhookQueue } from './webhook-queue.ts';

export interface CoreOptions {
  /** Announced to clients, who ping when they heard nothing for so long. */
  readonly activityTimeoutSeconds: number;
  readonly pongTimeoutSeconds: number;
  /** Sockets of this node; above it a new one is told 4100. 0: no limit. */
  readonly maxConnections: number;
  /** Per socket; a peer that lets more pile up is closed with 4100. */
  readonly maxUnsentBytes: number;
  readonly shutdown: Pick<DrainOptions, 'closesPerSecond'>;
  /** Whether operators may ask this node, and through it the others. */
  readonly administered: boolean;
  readonly version: string;
}

/** The product's rules over one set of adapters: what the edges may ask for, and nothing else of core. */
export class Core {
  readonly apps: AppStore;
  readonly facts: Facts;
  readonly #context: Context;
  readonly #options: CoreOptions;
  readonly #outbox = new Outbox();
  readonly #live: LiveApps;
  readonly #handler: ConnectionHandler;
  /** undefined where nobody administers. */
  readonly administration: Administration | undefined;
  #draining = false;
  #settled: Promise<void> = Promise.resolve();
  #spoken: Promise<void> = Promise.resolve();

  constructor(adapters: Adapters, apps: AppStore, options: CoreOptions, log: Logger) {
    this.apps = apps;
    this.facts = new Facts(log);
    this.#options = options;
    const context: Context = {
      ...adapters,
      hub: new Hub(adapters.broker, adapters.link !== undefined),
      connections: new Connections({
        activityTimeoutMs: options.activityTimeoutSeconds * 1000,
        pongTimeoutMs: options.pongTimeoutSeconds * 1000,
      }),
      counts: new SubscriptionCounts((...change) => sendCount(context, ...change)),
      cacheMisses: new CacheMisses(),
      facts: this.facts,
      traffic: new TrafficCounters(),
      log,
    };
    this.#context = context;
    this.#live = new LiveApps(apps, context, options.shutdown);
    this.administration = options.administered ? this.#administered(options.version) : undefined;
    this.#handler = {
      opened: (connection) => establish(context, connection, options.activityTimeoutSeconds),
      message: (connection, text) => handleMessage(context, connection, text),
      revoked: (...revoked) => revoke(context, ...revoked),
      closed: (connection) => depart(context, connection),
    };
  }

  /** Whether the node is on its way down: no new connections. */
  get draining(): boolean {
    return this.#draining;
  }

  /** Why the node cannot serve at this moment, in a sentence; undefined when it can. Answers in about a second. */
  async trouble(): Promise<string | undefined> {
    return this.#draining ? 'Server is closing.' : await this.#context.link?.trouble();
  }

  /** @param listener is told the apps that changed, as they are now; undefined: gone */
  onAppsChanged(listener: (changed: ReadonlyMap<string, App | undefined>) => void): void {
    this.#live.onChange(listener);
  }

  #administered(version: string): Administration {
    return new Administration(this.#context, {
      version,
      drain: () => this.#retire(),
      isDraining: () => this.#draining,
    });
  }

  readonly #deliver: Deliver = (topic, message) => {
    if (message.type === 'call') this.administration?.receive(message.text);
    else this.#context.hub.broadcast(topic, message);
  };

  /** Before anything else; once. @throws Error that says what cannot be reached, and then nothing runs */
  async start(): Promise<void> {
    await this.apps.start(this.#live.changed);
    try {
      await this.#startAdapters();
    } catch (err) {
      await this.apps.stop();
      throw err;
    }
  }

  async #startAdapters(): Promise<void> {
    const { broker, tracker, eventCache, rateLimiter, webhookQueue, connections, link } = this.#context;
    link?.onLost(() => this.#sendAway());
    link?.onRestored(() => this.#makeUp());
    link?.onSettled(() => this.#settle(link));
    await broker.start(this.#deliver);
    await Promise.all([
      tracker.start(
        (departure) => this.#departed(departure),
        (returned) => this.#returned(returned),
      ),
      eventCache.start(),
      rateLimiter.start(),
      webhookQueue.start(),
    ]);
    connections.start();
    await this.administration?.start();
  }

  /** As an operator wants it: from here on nobody connects, and who is here is sent to the other nodes. */
  #retire(): void {
    if (this.#draining) return;
    this.#draining = true;
    const { connections, log } = this.#context;
    log.info({ sockets: connections.size }, 'draining');
    const { closesPerSecond } = this.#options.shutdown;
    connections.sendAway(endings.closing, { closesPerSecond, which: () => true, goesOn: () => true });
  }

  /** As the others take this node for dead, its sockets are to move to them. */
  #sendAway(): void {
    const { connections, link, log } = this.#context;
    log.warn({ sockets: connections.size }, 'sending sockets away');
    const { closesPerSecond } = this.#options.shutdown;
    connections.sendAway(endings.lost, { closesPerSecond, which: () => true, goesOn: () => link?.lost === true });
  }

  /** Clients do not try again what they were refused for the cluster's sake: those are to connect anew, and will. */
  #makeUp(): void {
    const { connections, link } = this.#context;
    const { closesPerSecond } = this.#options.shutdown;
    const which = ({ missesSomething }: Connection) => missesSomething;
    connections.sendAway(endings.restored, { closesPerSecond, which, goesOn: () => link?.lost === false });
  }

  /** One after the other: each compares with what the one before has told. */
  #settle(link: Link): void {
    this.#settled = this.#settled.then(() => reconcile(this.#context, link)).then(() => this.#makeUp());
  }

  /** Of a node that is gone: this one speaks for it. */
  #departed({ appId, channel, userId, left }: Departure): void {
    this.#speak(appId, (app) => hasLeft(this.#context, app, channel, userId, left));
  }

  /** Of this node, which another one had spoken for. */
  #returned({ appId, channel, userId, joined }: Return): void {
    this.#speak(appId, (app) => hasJoined(this.#context, app, channel, userId, joined));
  }

  #speak(appId: string, announce: (app: App) => void): void {
    const { log } = this.#context;
    const speak = async () => {
      const app = await this.apps.findById(appId);
      if (app !== undefined) announce(app);
    };
    this.#spoken = this.#spoken
      .then(speak)
      .catch((err: unknown) => log.error({ err, appId }, 'what became of a subscription could not be announced'));
  }

  /** From here on nobody connects; sends the connections away and resolves when they have left everything. */
  async drain(how: DrainOptions): Promise<void> {
    this.#draining = true;
    await this.#context.connections.drain(how);
  }

  /** This node holds nothing any more: nothing is announced from here on. Safe to call twice. */
  async leave(): Promise<void> {
    this.#draining = true;
    const { tracker, connections, counts } = this.#context;
    await this.administration?.stop();
    connections.stop();
    counts.stop();
    await tracker.stop();
    await this.#spoken;
  }

  /** Safe to call twice. */
  async stop(): Promise<void> {
    await this.leave();
    const { broker, eventCache, rateLimiter, webhookQueue } = this.#context;
    const ports = [eventCache, rateLimiter, webhookQueue, this.apps];
    await Promise.all(ports.map((port) => port.stop()));
    await broker.stop();
  }

  /** A socket opened: it becomes a connection, or is refused with an error and a close frame, and is undefined. */
  connect(handshake: Handshake, transport: Transport): Connection | undefined {
    const { connections, traffic, log } = this.#context;
    const { maxConnections, maxUnsentBytes } = this.#options;
    const { app } = handshake;
    const full = maxConnections > 0 && connections.size >= maxConnections;
    const { link } = this.#context;
    const busy = full ? endings.overCapacity : link?.lost ? endings.unavailable : undefined;
    const unavailable = this.#draining ? endings.draining : busy;
    const reason = refusal(handshake) ?? unavailable;
    if (app === undefined || reason !== undefined) {
      refuse(transport, reason ?? endings.unknownApp);
      log.debug({ appId: app?.id, reason: reason?.message }, 'connection refused');
      return undefined;
    }
    const connection = new Connection({
      socketId: freshSocketId(connections),
      app,
      transport,
      outbox: this.#outbox,
      traffic: traffic.of(app.id),
      handler: this.#handler,
      maxUnsentBytes,
      log,
    });
    connections.add(connection);
    connection.start();
    return connection;
  }

  /** Publishes events from the API in order: all of them, or none and a RequestError. */
  trigger(app: App, events: readonly EventRequest[]): Promise<void> {
    return trigger(this.#context, app, events);
  }

  /** What becomes of webhooks, for operators. */
  get webhookQueue(): WebhookQueue {
    return this.#context.webhookQueue;
  }

  /** An app was removed from the store, for good. */
  forgetApp(appId: string): Promise<void> {
    const { webhookQueue, log } = this.#context;
    return forgetApp(webhookQueue, appId, log);
  }

  /** Does a request that names itself once in the cluster; see core/once.ts. */
  once(app: App, request: Identified, work: () => Promise<string>): Promise<Done> {
    return once(this.#context.requestLog, app.id, request, work);
  }

  countChannels(app: App, channels: readonly string[], asked: CountsAsked): Promise<CountedChannel[]> {
    return countChannels(this.#context, app, channels, asked);
  }

  listChannels(app: App, prefix: string, asked: CountsAsked): Promise<CountedChannel[]> {
    return listChannels(this.#context, app, prefix, asked);
  }

  describeChannel(app: App, channel: string, asked: CountsAsked & { readonly cache: boolean }): Promise<ChannelAnswer> {
    return describeChannel(this.#context, app, channel, asked);
  }

  listMembers(app: App, channel: string): Promise<readonly Member[]> {
    return listMembers(this.#context, app, channel);
  }

  /** Ends every connection of the user in the cluster. */
  terminateUser(app: App, userId: string): Promise<void> {
    return terminateUser(this.#context, app, userId);
  }

  /**
   * Removes the user from one channel in the cluster, and denies them to join it again for `denySeconds`, if any.
   * @param denySeconds 0 denies nothing, and lifts no denial; more replaces an earlier one.
   */
  unsubscribeUser(app: App, userId: string, channel: string, denySeconds: number): Promise<void> {
    return unsubscribeUser(this.#context, app, userId, channel, denySeconds);
  }

  /** How long the user may not join the channel, in whole seconds, rounded up; 0: they may. */
  deniedSeconds(app: App, channel: string, userId: string): Promise<number> {
    return this.#context.tracker.deniedSeconds(app.id, channel, userId);
  }

  /** The app of a connection of this node; undefined for a socket that is elsewhere, or nowhere. */
  appIdOf(socketId: string): string | undefined {
    return this.#context.connections.get(socketId)?.app.id;
  }

  /** Open connections of the app in the cluster. */
  connectionCount(app: App): Promise<number> {
    return this.#context.tracker.connectionCount(app.id);
  }

  /** Of this node: the app's open sockets, and what went through since the start. */
  stats(app: App): { readonly sockets: number; readonly traffic: Readonly<Traffic> } {
    const { connections, traffic } = this.#context;
    return { sockets: connections.countByApp().get(app.id) ?? 0, traffic: traffic.of(app.id) };
  }

  /** Of this node: open sockets, topics with a listener, and messages between nodes that were dropped as none of ours. */
  nodeStats(): { readonly sockets: number; readonly topics: number; readonly malformed: number } {
    const { connections, hub, link } = this.#context;
    return { sockets: connections.size, topics: hub.size, malformed: link?.malformed ?? 0 };
  }
}
