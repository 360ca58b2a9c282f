// Dead letters become entries of the queue again: each is in one of the two, whatever happens.

import type { Script } from './script.ts';
import { WEBHOOK_KEEP_SECONDS } from './webhook-stream.ts';

export const webhookRevive: Script = {
  name: 'fanfareWebhookRevive',
  numberOfKeys: 2,
  lua: `
-- KEYS: 1 letters, 2 queue
-- ARGV: 1 entries at most, 2 letters at most this time, 3 "all" or "these"
--       4 the last letter of all, or 4... the letters, oldest first
-- Answers how many there were, and room for.
local room = math.min(ARGV[2], ARGV[1] - redis.call('XLEN', KEYS[2]))
if room <= 0 then return 0 end
local letters = {}
if ARGV[3] == 'all' then
  letters = redis.call('XRANGE', KEYS[1], '-', ARGV[4], 'COUNT', room)
else
  for at = 4, #ARGV do
    local letter = redis.call('XRANGE', KEYS[1], ARGV[at], ARGV[at])[1]
    if letter and #letters < room then table.insert(letters, letter) end
  end
end
for _, letter in ipairs(letters) do
  redis.call('XADD', KEYS[2], '*', 'entry', letter[2][2])
  redis.call('XDEL', KEYS[1], letter[1])
end
redis.call('EXPIRE', KEYS[2], ${WEBHOOK_KEEP_SECONDS})
return #letters
`,
};
