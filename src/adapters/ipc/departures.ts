// Subscriptions that ended with their worker: each is told to one worker, or kept until there is one.
import type { Departure } from '../../core/ports.ts';

export interface Heir {
  depart(departure: Departure): void;
}

export class Departures {
  readonly #heirs = new Set<Heir>();
  #waiting: Departure[] = [];

  add(heir: Heir): void {
    this.#heirs.add(heir);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const departure of waiting) heir.depart(departure);
  }

  remove(heir: Heir): void {
    this.#heirs.delete(heir);
  }

  tell(departure: Departure): void {
    const [heir] = this.#heirs;
    if (heir === undefined) this.#waiting.push(departure);
    else heir.depart(departure);
  }
}
