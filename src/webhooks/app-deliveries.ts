// Which endpoints of one app get its entries. An entry is removed from the queue when every endpoint that wants it is done
// with it. One that has too many takes no more, and reads on later where it was: the others go on. What nobody wants is
// removed once this node must know all that the node knew which queued it.
import type { App } from '../core/app.ts';
import type { AppStore } from '../core/app-store.ts';
import { follows, type Webhook } from '../core/app-webhooks.ts';
import { type DeadLetter, type Entry, QUEUED_EVENTS } from '../core/webhook-queue.ts';
import { Endpoint, type EndpointDeps } from './endpoint.ts';
import { Ledger } from './ledger.ts';
import { lookUp } from './look-up.ts';

/** An endpoint, and how far in the queue it is. */
interface Reader {
  readonly endpoint: Endpoint;
  webhook: Webhook;
  /** It took no more; the last entry it was offered before, undefined in it: none. */
  behind: { readonly after: string | undefined } | undefined;
}

/** Where reading goes on. */
interface Halt {
  /** The last entry before; "": none. */
  readonly after: string;
  readonly entry: Entry;
}

/** What another node knew of an app when it queued something is known here by then, and a second more. */
const KNOWN_WITHIN_MS = 3000;

export class AppDeliveries {
  readonly appId: string;
  readonly #apps: AppStore;
  readonly #deps: EndpointDeps;
  #app: App | undefined;
  readonly #readers = new Map<string, Reader>();
  readonly #ledger = new Ledger((entryIds) => this.#deps.outcomes.remove(this.appId, entryIds));
  /** The app could be looked up once. */
  #known = false;
  /** What cannot be judged yet; all behind it waits in the queue. */
  #halt: Halt | undefined;
  /** The last entry that was offered, or left in the queue for later. */
  lastId: string | undefined;

  constructor(appId: string, apps: AppStore, deps: EndpointDeps) {
    this.appId = appId;
    this.#apps = apps;
    this.#deps = deps;
  }

  /** Looks the app up: its endpoints come, go and change. While it cannot be, or is refused, it is what it was. */
  async refresh(): Promise<App | undefined> {
    try {
      this.#app = await lookUp(this.#apps, this.appId);
      this.#known = true;
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
    const unwanted: Entry[] = [];
    for (const entry of entries) {
      const after = this.lastId ?? '';
      this.lastId = entry.entryId;
      const readers = this.#wanting(entry);
      if (this.#halt === undefined && !this.#isClear(entry, readers)) this.#halt = { after, entry };
      if (this.#halt !== undefined) continue;
      if (readers.length === 0) unwanted.push(entry);
      else this.#give(entry, after, readers, given);
    }
    this.#ledger.keepNewest(QUEUED_EVENTS + this.#deps.options.heldPerEndpoint);
    if (unwanted.length > 0) void this.#putAway(unwanted);
    for (const [{ endpoint }, some] of given) endpoint.offer(some);
  }

  /** Whether entries wait in the queue until it is clear whose they are. */
  get halted(): boolean {
    return this.#halt !== undefined;
  }

  /** The entry after which to read on, when it is clear. After `refresh`. */
  resumable(): string | undefined {
    const halt = this.#halt;
    return halt !== undefined && this.#isClear(halt.entry, this.#wanting(halt.entry)) ? halt.after : undefined;
  }

  /**
   * What was left in the queue, in order.
   * @param areAll there are no more
   */
  resume(entries: readonly Entry[], areAll: boolean): void {
    this.lastId = this.#halt?.after || undefined;
    this.#halt = undefined;
    this.offer(entries);
    const last = entries.at(-1);
    if (!areAll && last !== undefined) this.#halt ??= { after: last.entryId, entry: last };
  }

  /** Endpoints that are behind and have room again: each with the entry after which it reads on; undefined: the first. */
  behind(): readonly { readonly reader: Reader; readonly after: string | undefined }[] {
    // What is not offered to anybody yet would be taken for what it does not want.
    if (this.halted) return [];
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
      reader.behind = { after: entry.entryId };
      if (this.#ledger.take(entry.entryId, reader)) given.push(entry);
    }
    if (areAll) {
      reader.behind = undefined;
      // What it did not meet was dropped from the queue.
      this.#ledger.forget(reader);
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
      entry.endpoint === undefined ? follows(webhook, entry.event) : webhook.url === entry.endpoint,
    );
  }

  /**
   * Whether those are all that are to have it. Not while the app was never known; nor while the node that queued it knew
   * of endpoints that this one does not, and may not have heard of yet.
   */
  #isClear({ endpoint, atMs, wantedBy }: Entry, readers: readonly Reader[]): boolean {
    if (!this.#known) return false;
    if (endpoint !== undefined || Math.abs(Date.now() - atMs) >= KNOWN_WITHIN_MS) return true;
    if (wantedBy === undefined) return readers.length > 0;
    return wantedBy.every((url) => readers.some(({ webhook }) => webhook.url === url));
  }

  #give(entry: Entry, after: string, readers: readonly Reader[], given: Map<Reader, Entry[]>): void {
    const skippers: Reader[] = [];
    for (const reader of readers) {
      if (this.#takes(reader, given)) {
        give(given, reader, entry);
      } else {
        reader.behind ??= { after: after === '' ? undefined : after };
        skippers.push(reader);
      }
    }
    this.#ledger.add(entry.entryId, readers.length - skippers.length, skippers);
  }

  /** What nobody wants. A letter that was to be tried again at an endpoint that is not there is a letter again. */
  async #putAway(entries: readonly Entry[]): Promise<void> {
    const { outcomes } = this.#deps;
    const again = this.#app === undefined ? [] : entries.flatMap(asLetter);
    this.#sayDropped(entries.length - again.length);
    if (again.length > 0 && !(await outcomes.bury(this.appId, again))) return;
    outcomes.remove(
      this.appId,
      entries.map(({ entryId }) => entryId),
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
      done: (entryIds) => this.#ledger.release(entryIds),
    });
    this.#readers.set(url, { endpoint, webhook, behind: undefined });
  }

  /** An endpoint was removed: nobody waits for it any more. */
  #drop(url: string, reader: Reader): void {
    this.#readers.delete(url);
    const skipped = this.#ledger.forget(reader);
    const held = reader.endpoint.abandon();
    this.#ledger.release(held);
    this.#sayDropped(skipped + held.length);
  }

  #sayDropped(events: number): void {
    if (events > 0)
      this.#deps.log.info({ appId: this.appId, events }, 'webhook events of a removed endpoint were dropped');
  }
}

function asLetter({ id, event, atMs, endpoint }: Entry): Omit<DeadLetter, 'letterId'>[] {
  if (endpoint === undefined) return [];
  const reason = 'the app has no such endpoint';
  return [{ id, event, atMs, endpoint, reason, attempts: 0, diedAtMs: Date.now() }];
}

function give(given: Map<Reader, Entry[]>, reader: Reader, entry: Entry): void {
  const some = given.get(reader);
  if (some === undefined) given.set(reader, [entry]);
  else some.push(entry);
}
