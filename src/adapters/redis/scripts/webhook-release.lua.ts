// Another node may deliver webhooks.
import type { Script } from './script.ts';

export const webhookRelease: Script = {
  name: 'fanfareWebhookRelease',
  numberOfKeys: 1,
  lua: `
-- KEYS: 1 claim
-- ARGV: 1 id of the queue
-- Changes nothing when another one holds it.
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
`,
};
