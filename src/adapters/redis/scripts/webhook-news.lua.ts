// An app has webhook events that nobody was given yet.

import type { Script } from './script.ts';
import { WEBHOOK_KEEP_SECONDS } from './webhook-stream.ts';

export const webhookNews: Script = {
  name: 'fanfareWebhookNews',
  numberOfKeys: 2,
  lua: `
-- KEYS: 1 apps, 2 apps with news
-- ARGV: 1 app id, 2 Unix ms
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('SADD', KEYS[2], ARGV[1])
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ${WEBHOOK_KEEP_SECONDS}) end
return 1
`,
};
