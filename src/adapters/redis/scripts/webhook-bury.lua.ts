// Webhook events that an endpoint did not take are kept for people to look at, or to try again.

import type { Script } from './script.ts';
import { WEBHOOK_KEEP_SECONDS } from './webhook-stream.ts';

export const webhookBury: Script = {
  name: 'fanfareWebhookBury',
  numberOfKeys: 1,
  lua: `
-- KEYS: 1 letters
-- ARGV: 1 letters at most, then of each 2 the entry it is when it is revived, 3 the rest
for at = 2, #ARGV, 2 do
  redis.call('XADD', KEYS[1], 'MAXLEN', '=', ARGV[1], '*', 'entry', ARGV[at], 'letter', ARGV[at + 1])
end
redis.call('EXPIRE', KEYS[1], ${WEBHOOK_KEEP_SECONDS})
return 1
`,
};
