// The entries of one app that are in hand, and which of its endpoints have them. An entry is removed from the queue when
// every endpoint that wants it is done with it. One that has too many takes no more, and reads on later where it was:
// the others go on.
import type { App } from '../core/app.ts';
import type { AppStore } from '../core/app-store.ts';
import { type Webhook, wants } from '../core/app-webhooks.ts';
import { type Entry, QUEUED_EVENTS } from '../core/webhook-queue.ts';
import { Endpoint, type EndpointDeps } from './endpoint.ts';

/** An endpoint, and how far in the queue it is. */
interface Reader {
  readonly endpoint: Endpoint;
  webhook: Webhook;
  /** It took no more; the last entry it was offered before, undefined in it: none. */
  behind: { readonly after: string | undefined } | undefined;
}

interface InHand {
  /** How many endpoints have it. */
  holders: number;
  /** Those that are to have it, and are behind. */
  readonly skippers: Set<Reader>;
}

export class AppDeliveries {
  readonly appId: string;
  readonly #apps: AppStore;
  readonly #deps: EndpointDeps;
  #app: App | undefined;
  readonly #readers = new Map<string, Reader>();
  /** By entryId, in the order of the queue. */
  readonly #entries = new Map<string, InHand>();
  /** The last entry that was offered. */
  lastId: string | undefined;

  constructor(appId: string, apps: AppStore, deps: EndpointDeps) {
    this.appId = appId;
    this.#apps = apps;
    this.#deps = deps;
  }

  /** Looks the app up: its endpoints come, go and change. While it cannot be, it is what it was. */
  async refresh(): Promise<App | undefined> {
    try {
      this.#app = await this.#apps.findById(this.appId);
    } catch (err) {
      this.#deps.log.debug({ err, appId: this.appId }, 'an app could not be looked up');
      return this.#app;
    }
    const webhooks = new Map(this.#app?.webhooks.map((webhook) => [webhook.url, webhook]));
    for (const [url, reader] of this.#readers) {
      const webhook = webhooks.get(url);
      if (webhook === undefined) this.#drop(url, reader);
      else if (webhook !== reader.webhook) {
        reader.webhook = webhook;
        reader.endpoint.configure(webhook);
      }
    }
    for (const [url, webhook] of webhooks) if (!this.#readers.has(url)) this.#open(url, webhook);
    return this.#app;
  }

  /** Entries in the order of the queue, of which none was offered before. After `refresh`. */
  offer(entries: readonly Entry[]): void {
    const given = new Map<Reader, Entry[]>();
    const unwanted: string[] = [];
    for (const entry of entries) {
      const inHand: InHand = { holders: 0, skippers: new Set() };
      for (const reader of this.#wanting(entry)) {
        if (this.#takes(reader, given)) {
          inHand.holders += 1;
          give(given, reader, entry);
        } else {
          reader.behind ??= { after: this.lastId };
          inHand.skippers.add(reader);
        }
      }
      this.lastId = entry.entryId;
      if (inHand.holders + inHand.skippers.size === 0) unwanted.push(entry.entryId);
      else this.#entries.set(entry.entryId, inHand);
    }
    this.#forgetOldest();
    if (unwanted.length > 0) this.#deps.outcomes.remove(this.appId, unwanted);
    for (const [{ endpoint }, some] of given) endpoint.offer(some);
  }

  /** Endpoints that are behind and have room again: each with the entry after which it reads on; undefined: the first. */
  behind(): readonly { readonly reader: Reader; readonly after: string | undefined }[] {
    const half = this.#deps.options.heldPerEndpoint / 2;
    return [...this.#readers.values()].flatMap((reader) => {
      const { endpoint, behind } = reader;
      return behind !== undefined && endpoint.held <= half ? [{ reader, after: behind.after }] : [];
    });
  }

  /**
   * What one that was behind missed, in order.
   * @param areAll there are no more
   */
  catchUp(reader: Reader, entries: readonly Entry[], areAll: boolean): void {
    if (this.#readers.get(reader.webhook.url) !== reader) return;
    const given: Entry[] = [];
    for (const entry of entries) {
      const inHand = this.#entries.get(entry.entryId);
      reader.behind = { after: entry.entryId };
      if (inHand === undefined || !inHand.skippers.delete(reader)) continue;
      inHand.holders += 1;
      given.push(entry);
    }
    if (areAll) {
      reader.behind = undefined;
      // What it did not meet was dropped from the queue.
      for (const [entryId, inHand] of this.#entries) this.#unskip(entryId, inHand, reader);
    }
    reader.endpoint.offer(given);
  }

  async drain(): Promise<void> {
    await Promise.all([...this.#readers.values()].map(({ endpoint }) => endpoint.drain()));
  }

  stop(): void {
    for (const { endpoint } of this.#readers.values()) endpoint.stop();
  }

  #wanting(entry: Entry): Reader[] {
    return [...this.#readers.values()].filter(({ webhook }) =>
      entry.endpoint === undefined ? wants(webhook, entry.event) : webhook.url === entry.endpoint,
    );
  }

  #takes({ endpoint, behind }: Reader, given: ReadonlyMap<Reader, readonly Entry[]>): boolean {
    if (behind !== undefined) return false;
    let held = endpoint.held;
    for (const [{ endpoint: other }, entries] of given) if (other === endpoint) held += entries.length;
    return held < this.#deps.options.heldPerEndpoint;
  }

  #open(url: string, webhook: Webhook): void {
    const endpoint = new Endpoint(this.appId, webhook, this.#deps, {
      current: async () => {
        const app = await this.refresh();
        const reader = this.#readers.get(url);
        return app === undefined || reader?.endpoint !== endpoint ? undefined : { app, webhook: reader.webhook };
      },
      done: (entryIds) => this.#done(entryIds),
    });
    this.#readers.set(url, { endpoint, webhook, behind: undefined });
  }

  /** An endpoint was removed: nobody waits for it any more. */
  #drop(url: string, reader: Reader): void {
    this.#readers.delete(url);
    for (const [entryId, inHand] of this.#entries) this.#unskip(entryId, inHand, reader);
    this.#done(reader.endpoint.abandon());
  }

  #done(entryIds: readonly string[]): void {
    const gone: string[] = [];
    for (const entryId of entryIds) {
      const inHand = this.#entries.get(entryId);
      if (inHand === undefined) continue;
      inHand.holders -= 1;
      if (inHand.holders > 0 || inHand.skippers.size > 0) continue;
      this.#entries.delete(entryId);
      gone.push(entryId);
    }
    if (gone.length > 0) this.#deps.outcomes.remove(this.appId, gone);
  }

  #unskip(entryId: string, inHand: InHand, reader: Reader): void {
    if (!inHand.skippers.delete(reader) || inHand.holders > 0 || inHand.skippers.size > 0) return;
    this.#entries.delete(entryId);
    this.#deps.outcomes.remove(this.appId, [entryId]);
  }

  /** The queue keeps no more than these; the others it has dropped. */
  #forgetOldest(): void {
    for (const entryId of this.#entries.keys()) {
      if (this.#entries.size <= QUEUED_EVENTS + this.#deps.options.heldPerEndpoint) return;
      this.#entries.delete(entryId);
    }
  }
}

function give(given: Map<Reader, Entry[]>, reader: Reader, entry: Entry): void {
  const some = given.get(reader);
  if (some === undefined) given.set(reader, [entry]);
  else some.push(entry);
}
