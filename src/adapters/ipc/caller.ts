// The worker's end of the channel: calls that wait for their answers, and what the primary passes on.
import type { Deliver, Departure } from '../../core/ports.ts';
import { RequestError } from '../../protocol/errors.ts';
import type { Channel } from './channel.ts';
import { type Call, errorOf, type FromPrimary, type Method, type Requests } from './messages.ts';
import { Outlet, onEach } from './outlet.ts';

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (err: Error) => void;
}

export class Caller {
  /** Called in the order in which the primary publishes. */
  deliver: Deliver | undefined;
  onDeparture: ((departure: Departure) => void) | undefined;
  readonly #outlet: Outlet<Call>;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #gone = false;

  constructor(channel: Channel) {
    this.#outlet = new Outlet(channel);
    onEach<FromPrimary>(channel, (message) => this.#receive(message));
    channel.onEnd(() => this.#end());
  }

  /** The primary is gone, and with it all it knew. */
  get gone(): boolean {
    return this.#gone;
  }

  /** Calls arrive in the order made. Rejects as the primary's adapter does, and with 503 once the primary is gone. */
  call<M extends Method>(method: M, ...args: Parameters<Requests[M]>): ReturnType<Requests[M]>;
  call(method: Method, ...args: readonly unknown[]): Promise<unknown> {
    if (this.#gone) return Promise.reject(primaryGone());
    this.#lastId += 1;
    const id = this.#lastId;
    this.#outlet.post({ id, method, args });
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #receive(message: FromPrimary): void {
    switch (message.type) {
      case 'answer':
        this.#take(message.id)?.resolve(message.value);
        return;
      case 'failure':
        this.#take(message.id)?.reject(errorOf(message.failure));
        return;
      case 'delivery':
        this.deliver?.(message.topic, message.message);
        return;
      case 'departure':
        this.onDeparture?.(message.departure);
        return;
      default:
        message satisfies never;
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  #end(): void {
    this.#gone = true;
    for (const { reject } of this.#waiting.values()) reject(primaryGone());
    this.#waiting.clear();
  }
}

function primaryGone(): RequestError {
  return new RequestError(503, 'This server is stopping. Try again later.', { 'retry-after': '2' });
}
