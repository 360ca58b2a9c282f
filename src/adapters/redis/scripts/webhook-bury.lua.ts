// Webhook events that an endpoint did not take are kept for people to look at, or to try again.

import type { Script } from './script.ts';
import { TALLY, WEBHOOK_KEEP_SECONDS } from './webhook-stream.ts';

export const webhookBury: Script = {
  name: 'fanfareWebhookBury',
  numberOfKeys: 2,
  lua: `
-- KEYS: 1 letters, 2 bytes
-- ARGV: 1 letters at most, 2 their bytes at most, then of each 3 the entry it is when it is revived, 4 the rest
${TALLY}
tally(KEYS[1], KEYS[2], 'letters', 0)
local size = 0
for at = 3, #ARGV, 2 do
  redis.call('XADD', KEYS[1], '*', 'entry', ARGV[at], 'letter', ARGV[at + 1])
  size = size + #ARGV[at] + #ARGV[at + 1]
end
tally(KEYS[1], KEYS[2], 'letters', size)
redis.call('EXPIRE', KEYS[1], ${WEBHOOK_KEEP_SECONDS})
return trim(KEYS[1], KEYS[2], 'letters', tonumber(ARGV[1]), tonumber(ARGV[2]))
`,
};
