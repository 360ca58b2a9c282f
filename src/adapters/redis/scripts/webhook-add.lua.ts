// Webhook events are queued; above the limit the oldest go, and are counted.

import type { Script } from './script.ts';
import { GROUP, WEBHOOK_KEEP_SECONDS } from './webhook-stream.ts';

export const webhookAdd: Script = {
  name: 'fanfareWebhookAdd',
  numberOfKeys: 1,
  lua: `
-- KEYS: 1 queue
-- ARGV: 1 entries at most, 2... entries
-- Answers how many of the oldest were dropped.
for at = 2, #ARGV do redis.call('XADD', KEYS[1], '*', 'entry', ARGV[at]) end
redis.call('EXPIRE', KEYS[1], ${WEBHOOK_KEEP_SECONDS})
local over = redis.call('XLEN', KEYS[1]) - tonumber(ARGV[1])
if over <= 0 then return 0 end
-- Trimmed alone they would still be pending.
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', over)) do
  redis.call('XDEL', KEYS[1], entry[1])
  redis.call('XACK', KEYS[1], '${GROUP}', entry[1])
end
return over
`,
};
