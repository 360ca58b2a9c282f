// Webhook events are queued; above the limits the oldest go, and are counted.

import type { Script } from './script.ts';
import { TALLY, WEBHOOK_KEEP_SECONDS } from './webhook-stream.ts';

export const webhookAdd: Script = {
  name: 'fanfareWebhookAdd',
  numberOfKeys: 2,
  lua: `
-- KEYS: 1 queue, 2 bytes
-- ARGV: 1 entries at most, 2 their bytes at most, 3... entries
-- Answers how many of the oldest were dropped.
${TALLY}
tally(KEYS[1], KEYS[2], 'queue', 0)
local size = 0
for at = 3, #ARGV do
  redis.call('XADD', KEYS[1], '*', 'entry', ARGV[at])
  size = size + #ARGV[at]
end
tally(KEYS[1], KEYS[2], 'queue', size)
redis.call('EXPIRE', KEYS[1], ${WEBHOOK_KEEP_SECONDS})
return trim(KEYS[1], KEYS[2], 'queue', tonumber(ARGV[1]), tonumber(ARGV[2]))
`,
};
