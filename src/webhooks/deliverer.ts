// Delivers what is in the queue, on one node of the cluster at a time: claims it, reads what others left behind, then what
// is fresh, and hands it to the endpoints of its app.
import type { Logger } from 'pino';
import type { AppStore } from '../core/app-store.ts';
import type { Entry, WebhookQueue } from '../core/webhook-queue.ts';
import { AppDeliveries } from './app-deliveries.ts';
import type { EndpointDeps } from './endpoint.ts';

export interface DelivererDeps extends EndpointDeps {
  readonly queue: WebhookQueue;
  readonly apps: AppStore;
  /** Whether what this node leaves in the queue is delivered by others in any case. */
  readonly handsOver: boolean;
  readonly log: Logger;
}

/** A claim is renewed three times before it lapses. */
const RENEWALS = 3;

export class Deliverer {
  readonly #deps: DelivererDeps;
  readonly #apps = new Map<string, AppDeliveries>();
  #active = false;
  #stopped = false;
  #over = false;
  #timer: NodeJS.Timeout | undefined;
  #ticking: Promise<void> = Promise.resolve();
  /** This node delivers until then unless it says so again; 0: it does not. */
  #heldUntilMs = 0;
  #claimAtMs = 0;
  /** What earlier nodes were given is in hand. */
  #hasLeft = false;

  constructor(deps: DelivererDeps) {
    this.#deps = deps;
  }

  /** Whether this is the node that delivers. */
  get holds(): boolean {
    return this.#heldUntilMs > 0;
  }

  /** Some app has an endpoint: from now on this node delivers, or stands by. Safe to call often. */
  activate(): void {
    if (this.#active || this.#stopped) return;
    this.#active = true;
    this.#schedule(0);
  }

  /** Reads what there is once more, sends what is due, and leaves the rest to others; as long as it takes. */
  async drain(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#ticking;
    try {
      await this.#takeOver();
      while (this.holds && !this.#hasLeft) await this.#read();
      while (this.holds && (await this.#read()) > 0);
    } catch (err) {
      this.#deps.log.debug({ err }, 'the webhook queue cannot be reached');
    }
    await Promise.all([...this.#apps.values()].map((app) => app.drain()));
  }

  /** Where the queue ends with the last node: delivers after the one that does, unless that has delivered all. */
  async #takeOver(): Promise<void> {
    const { queue, apps, options, handsOver } = this.#deps;
    while (this.#active && !handsOver && !this.#over && !this.holds) {
      this.#claimAtMs = 0;
      await this.#claim();
      if (this.holds) return;
      const sizes = await Promise.all((await apps.list()).map(({ id }) => queue.sizes(id)));
      if (sizes.every(({ waiting }) => waiting === 0)) return;
      await new Promise((resolve) => setTimeout(resolve, options.readEveryMs).unref());
    }
  }

  /** Nothing is sent from here on; another node may deliver. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#letGo();
    await this.#ticking;
    // As it may have been claimed meanwhile.
    this.#letGo();
    await this.#deps.queue.release().catch(() => {});
  }

  #schedule(waitMs: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#ticking = this.#tick();
    }, waitMs).unref();
  }

  async #tick(): Promise<void> {
    const { options, log } = this.#deps;
    let waitMs = options.readEveryMs;
    try {
      await this.#claim();
      if (this.holds) await this.#read();
      else waitMs = Math.max(waitMs, this.#claimAtMs - performance.now());
    } catch (err) {
      log.debug({ err }, 'the webhook queue cannot be reached');
      waitMs = options.againMs;
    }
    // Others may have taken over by now.
    if (this.holds && performance.now() >= this.#heldUntilMs) this.#letGo();
    this.#schedule(waitMs);
  }

  async #claim(): Promise<void> {
    const { queue, options, log } = this.#deps;
    const nowMs = performance.now();
    if (nowMs < this.#claimAtMs) return;
    const isOurs = await queue.claim(options.leaseMs);
    this.#claimAtMs = nowMs + options.leaseMs / RENEWALS;
    if (isOurs) {
      if (!this.holds) log.debug('this server delivers webhooks');
      this.#heldUntilMs = nowMs + options.leaseMs;
    } else if (this.holds) {
      this.#letGo();
    }
  }

  /** @returns how many entries there were */
  async #read(): Promise<number> {
    const { queue, options } = this.#deps;
    if (!this.#hasLeft) {
      const left = await queue.read('left', options.readCount, this.#lastIds());
      await this.#offer(left);
      this.#hasLeft = left.length === 0;
      return left.length;
    }
    const fresh = await queue.read('fresh', options.readCount);
    await this.#offer(fresh);
    let resumed = 0;
    for (const app of this.#apps.values()) {
      if (app.halted) resumed += await this.#resume(app);
      await this.#catchUp(app);
    }
    return fresh.length + resumed;
  }

  async #offer(entries: readonly Entry[]): Promise<void> {
    for (const [appId, some] of byApp(entries)) {
      const app = this.#app(appId);
      await app.refresh();
      if (this.holds) app.offer(some);
    }
  }

  /** What waited in the queue until it was clear whose it is. @returns how many entries there were */
  async #resume(app: AppDeliveries): Promise<number> {
    const { queue, options } = this.#deps;
    await app.refresh();
    const after = app.resumable();
    if (after === undefined) return 0;
    const { entries, full } = await queue.reread(app.appId, options.readCount, after === '' ? undefined : after);
    if (this.holds) app.resume(entries, !full);
    return entries.length;
  }

  /** What endpoints that had too much in hand did not take. */
  async #catchUp(app: AppDeliveries): Promise<void> {
    const { queue, options } = this.#deps;
    for (const { reader, after } of app.behind()) {
      const { entries, full } = await queue.reread(app.appId, options.readCount, after);
      if (this.holds) app.catchUp(reader, entries, !full);
    }
  }

  #app(appId: string): AppDeliveries {
    let app = this.#apps.get(appId);
    if (app === undefined) {
      app = new AppDeliveries(appId, this.#deps.apps, this.#deps);
      this.#apps.set(appId, app);
    }
    return app;
  }

  #lastIds(): Map<string, string> {
    return new Map([...this.#apps].flatMap(([appId, { lastId }]) => (lastId === undefined ? [] : [[appId, lastId]])));
  }

  /** What is in hand is another node's business. */
  #letGo(): void {
    this.#heldUntilMs = 0;
    this.#hasLeft = false;
    for (const app of this.#apps.values()) app.stop();
    this.#apps.clear();
  }
}

function byApp(entries: readonly Entry[]): Map<string, Entry[]> {
  const apps = new Map<string, Entry[]>();
  for (const entry of entries) {
    const some = apps.get(entry.appId);
    if (some === undefined) apps.set(entry.appId, [entry]);
    else some.push(entry);
  }
  return apps;
}
