// How webhooks are sent, whatever app they are of. Tests shorten the times.

export interface WebhookOptions {
  /** Of the configuration. */
  readonly refusePrivateAddresses: boolean;
  /** Requests to one endpoint at a time. */
  readonly concurrency: number;
  /** How long a node that fell silent keeps the others from delivering. */
  readonly leaseMs: number;
  /** Between two looks into the queue. */
  readonly readEveryMs: number;
  /** Entries of an app at one look. */
  readonly readCount: number;
  /** Entries in hand for one endpoint; above it its further ones wait in the queue, and those of others go on. */
  readonly heldPerEndpoint: number;
  /** Of an app's events that wait here while the queue does not take them; above it the oldest are dropped. */
  readonly keptBytesPerApp: number;
  /** The longest pause after the first failure; it doubles up to the last. */
  readonly firstPauseMs: number;
  readonly lastPauseMs: number;
  /** Failures in a row after which an endpoint is only probed. */
  readonly breakAfterFailures: number;
  /** Between two tries of what Redis refused. */
  readonly againMs: number;
}

export const defaultTimes = {
  leaseMs: 10_000,
  readEveryMs: 50,
  readCount: 500,
  heldPerEndpoint: 1000,
  keptBytesPerApp: 32 * 1024 * 1024,
  firstPauseMs: 1000,
  lastPauseMs: 60_000,
  breakAfterFailures: 5,
  againMs: 1000,
} as const satisfies Omit<WebhookOptions, 'refusePrivateAddresses' | 'concurrency'>;
