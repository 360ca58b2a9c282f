// A node delivers webhooks, or goes on to, unless another one does.
import type { Script } from './script.ts';

export const webhookClaim: Script = {
  name: 'fanfareWebhookClaim',
  numberOfKeys: 1,
  lua: `
-- KEYS: 1 claim
-- ARGV: 1 id of the queue, 2 length of the lease in ms, 3 "held" from one that takes itself for the holder
-- Answers 1 when it is the holder's now, else 0. Also to a holder whose lease has lapsed, once: others may have held it
-- since.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
if not holder and ARGV[3] == 'held' then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`,
};
