// The protocol's fixed numbers, each with its source.
import { expect, test } from 'vitest';
import * as limits from '../../src/protocol/limits.ts';

test.each([
  ['REC limits §1: presence user_id length', limits.USER_ID_LENGTH, 128],
  ['REC limits §1: watchlist', limits.WATCHLIST_LENGTH, 100],
  ['REC limits §1: auth timestamp', limits.TIMESTAMP_WINDOW_SECONDS, 600],
  ['REC limits §1: inbound message is the data limit + 2 kB', limits.FRAME_OVERHEAD_BYTES, 2048],
  ['REC limits §1: HTTP body is batch × data + 32 kB', limits.BODY_OVERHEAD_BYTES, 32_768],
  ['REC limits §1: time to authorise', limits.AUTHORIZE_SECONDS, 30],
  ['RFC 6455 §5.5: close reason', limits.CLOSE_REASON_BYTES, 123],
  ['websocket §8: subscribers above which counts are throttled', limits.BUSY_CHANNEL_SUBSCRIPTIONS, 100],
  ['websocket §8: one count per interval', limits.BUSY_CHANNEL_INTERVAL_MS, 5000],
] as const)('%s', (_, limit, value) => {
  expect(limit).toBe(value);
});
