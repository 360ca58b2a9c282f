// One worker as its primary sees it: its calls are answered, and when it is gone, all it had is let go of.
import type { BrokerMessage, Departure, Topic } from '../../core/ports.ts';
import type { Heir } from './departures.ts';
import { Held } from './held.ts';
import type { Listener } from './listeners.ts';
import { type Call, type FromPrimary, failureOf, type Requests } from './messages.ts';
import type { Outlet } from './outlet.ts';
import { requestsOf, type Shared } from './requests.ts';

export class Session implements Listener, Heir {
  readonly #shared: Shared;
  readonly #outlet: Outlet<FromPrimary>;
  readonly #held = new Held();
  readonly #requests: Requests;

  constructor(shared: Shared, outlet: Outlet<FromPrimary>) {
    this.#shared = shared;
    this.#outlet = outlet;
    this.#requests = requestsOf(shared, this, this.#held);
  }

  /** Never rejects: what fails, fails for the worker that asked. */
  async answer({ id, method, args }: Call): Promise<void> {
    try {
      const request = this.#requests[method] as (...args: readonly unknown[]) => Promise<unknown>;
      this.#outlet.post({ type: 'answer', id, value: await request(...args) });
    } catch (err) {
      this.#outlet.post({ type: 'failure', id, failure: failureOf(err) });
    }
  }

  readonly deliver = (topic: Topic, message: BrokerMessage): void => {
    this.#outlet.post({ type: 'delivery', topic, message });
  };

  depart(departure: Departure): void {
    this.#outlet.post({ type: 'departure', departure });
  }

  /** The worker is gone. @returns how much it held */
  async end(): Promise<number> {
    const { listeners, departures, tracker, claim } = this.#shared;
    departures.remove(this);
    listeners.removeAll(this);
    claim.release(this);
    const { size } = this.#held;
    for (const departure of await this.#held.letGo(tracker)) departures.tell(departure);
    return size;
  }
}
