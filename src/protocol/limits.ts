// The protocol's fixed numbers, units in the names. What an app may change is in core/app.ts. Source: limits.md.

/** Longest `user_id` of a presence member and `id` of a signed-in user, in characters. */
export const USER_ID_LENGTH = 128;
/** Users one socket may watch; the rest of a longer watchlist is ignored and reported with 4302. */
export const WATCHLIST_LENGTH = 100;
/** Most bytes of channel_data that are part of a token. */
export const EMBEDDED_DATA_BYTES = 16_384;
/** Longest time a user may be denied a channel. */
export const DENY_SECONDS = 31_536_000;
/** How far `auth_timestamp` may be from the server's clock. */
export const TIMESTAMP_WINDOW_SECONDS = 600;
/** Longest reason a WebSocket close frame carries (RFC 6455 §5.5: 125 bytes with the code). */
export const CLOSE_REASON_BYTES = 123;
/** What an inbound frame may hold beside an event's `data`: names, auth, JSON around it. */
export const FRAME_OVERHEAD_BYTES = 2048;
/** What one byte may become in JSON: \u0000. */
export const JSON_ESCAPE_BYTES = 6;
/** What an API body may hold beside its events' `data`. */
export const BODY_OVERHEAD_BYTES = 32_768;
/** How long a socket may stay unauthorised where the app requires sign-in. */
export const AUTHORIZE_SECONDS = 30;
/** Above this many subscribers `subscription_count` is sent at most once per interval. */
export const BUSY_CHANNEL_SUBSCRIPTIONS = 100;
export const BUSY_CHANNEL_INTERVAL_MS = 5000;
