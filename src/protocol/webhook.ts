// Names and shapes of webhook events (webhooks.md §2).

/** Hosted Pusher's, in its spelling. */
export const pusherWebhookTypes = [
  'channel_occupied',
  'channel_vacated',
  'member_added',
  'member_removed',
  'client_event',
  'cache_miss',
  'subscription_count',
] as const;

/** Ours; sent only where an endpoint asks for them. */
export const connectionWebhookTypes = ['connection_opened', 'connection_closed'] as const;

export const webhookTypes = [...pusherWebhookTypes, ...connectionWebhookTypes] as const;

export type WebhookType = (typeof webhookTypes)[number];

/** An event as it is sent, but for its `id`. Ids are strings; `channel` is there always, as SDKs read it unasked. */
export interface WebhookEvent {
  readonly name: WebhookType;
  /** "" where there is none: events of connections. */
  readonly channel: string;
  readonly user_id?: string;
  readonly socket_id?: string;
  /** Of client events. */
  readonly event?: string;
  readonly data?: string;
  readonly subscription_count?: number;
}

/** An event and the id it has in every attempt. */
export interface IdentifiedEvent {
  readonly id: string;
  readonly event: WebhookEvent;
}

/** The bytes of a request: they are signed, sent, and sent again as they are. */
export function webhookBody(timeMs: number, events: readonly IdentifiedEvent[]): Buffer {
  return Buffer.from(JSON.stringify({ time_ms: timeMs, events: events.map(({ id, event }) => ({ id, ...event })) }));
}
