// Plain counters of one app on this node, for statistics and metrics; counting must cost nothing on the way of an event.

export interface Traffic {
  /** Messages from clients. */
  received: number;
  /** Events taken by the HTTP API. */
  triggered: number;
  /** Frames queued to clients. */
  sent: number;
  /** Sockets closed as they read too slowly. */
  slowReaders: number;
}

export class TrafficCounters {
  readonly #apps = new Map<string, Traffic>();

  /** The app's counters; the same object each time. */
  of(appId: string): Traffic {
    let traffic = this.#apps.get(appId);
    if (traffic === undefined) {
      traffic = { received: 0, triggered: 0, sent: 0, slowReaders: 0 };
      this.#apps.set(appId, traffic);
    }
    return traffic;
  }
}
