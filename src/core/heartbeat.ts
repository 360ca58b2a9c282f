// When to ask an idle peer for a sign of life, and when to give it up; pure over timestamps (websocket.md §3.3).

export interface HeartbeatOptions {
  /** What clients are told as activity_timeout. */
  readonly activityTimeoutMs: number;
  /** How long an answer may take. */
  readonly pongTimeoutMs: number;
}

/** Clients ping by themselves after activity_timeout; they are asked only when that did not arrive either. */
const SLACK_MS = 5000;

/**
 * @param lastHeardMs when anything at all arrived from the peer
 * @param askedMs when the peer was last asked; before lastHeardMs when it has been heard since
 */
export function heartbeat(
  lastHeardMs: number,
  askedMs: number,
  nowMs: number,
  { activityTimeoutMs, pongTimeoutMs }: HeartbeatOptions,
): 'alive' | 'ask' | 'give-up' {
  if (askedMs > lastHeardMs) return nowMs - askedMs >= pongTimeoutMs ? 'give-up' : 'alive';
  return nowMs - lastHeardMs >= activityTimeoutMs + SLACK_MS ? 'ask' : 'alive';
}
