// Webhook events leave the queue: they are delivered, cancelled or dead.

import type { Script } from './script.ts';
import { GROUP, TALLY } from './webhook-stream.ts';

export const webhookRemove: Script = {
  name: 'fanfareWebhookRemove',
  numberOfKeys: 2,
  lua: `
-- KEYS: 1 queue, 2 bytes
-- ARGV: entries
${TALLY}
local freed = 0
for _, id in ipairs(ARGV) do
  local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
  if entry then freed = freed + sizeOf(entry) end
  redis.call('XDEL', KEYS[1], id)
  redis.call('XACK', KEYS[1], '${GROUP}', id)
end
tally(KEYS[1], KEYS[2], 'queue', 0 - freed)
return 1
`,
};
