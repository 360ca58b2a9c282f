// What core announces, in the past tense, after the state changed. For webhooks, metrics and the console to
// listen to: core does not know them, and no frame depends on one.
import type { Logger } from 'pino';

interface FactFields {
  connection_opened: { readonly appId: string; readonly socketId: string };
  connection_closed: {
    readonly appId: string;
    readonly socketId: string;
    /** Who it was signed in as. */
    readonly userId: string | undefined;
  };
  channel_occupied: { readonly appId: string; readonly channel: string };
  channel_vacated: { readonly appId: string; readonly channel: string };
  member_added: { readonly appId: string; readonly channel: string; readonly userId: string };
  member_removed: { readonly appId: string; readonly channel: string; readonly userId: string };
  client_event: {
    readonly appId: string;
    readonly channel: string;
    readonly event: string;
    readonly data: string;
    readonly socketId: string;
    readonly userId: string | undefined;
  };
  cache_miss: { readonly appId: string; readonly channel: string };
  subscription_count: { readonly appId: string; readonly channel: string; readonly count: number };
}

/** A tagged union of all facts. */
export type Fact = { [K in keyof FactFields]: { readonly type: K } & FactFields[K] }[keyof FactFields];

export type FactListener = (fact: Fact) => void;

export class Facts {
  readonly #listeners = new Set<FactListener>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @returns a function that ends the listening. */
  listen(listener: FactListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells every listener; one that throws is logged and hurts nobody. */
  announce(fact: Fact): void {
    for (const listener of this.#listeners) {
      try {
        listener(fact);
      } catch (err) {
        this.#log.error({ err, fact: fact.type }, 'a fact listener failed');
      }
    }
  }
}
