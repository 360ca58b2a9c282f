// Entries for whoever delivers webhooks, which are pending from then on until they are removed.

import type { Script } from './script.ts';
import { CONSUMER, GROUP } from './webhook-stream.ts';

export const webhookRead: Script = {
  name: 'fanfareWebhookRead',
  numberOfKeys: 1,
  lua: `
-- KEYS: 1 queue
-- ARGV: 1 entries at most
--       2 the entry after which those that were given already are wanted; "": none of them
--       3 "fresh" when those that nobody was given are wanted as well
-- Answers {id, entry, id, entry, ...}, in the order of adding.
if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
if #redis.call('XINFO', 'GROUPS', KEYS[1]) == 0 then redis.call('XGROUP', 'CREATE', KEYS[1], '${GROUP}', '0') end
local answer = {}
-- Answers whether it met any that are pending and not there any more: acknowledged, so that the next reading has others.
local function read(count, after)
  local found = redis.call(
    'XREADGROUP', 'GROUP', '${GROUP}', '${CONSUMER}', 'COUNT', count, 'STREAMS', KEYS[1], after)
  local again = false
  for _, entry in ipairs(found and found[1][2] or {}) do
    local id, fields = entry[1], entry[2]
    if fields then
      table.insert(answer, id)
      table.insert(answer, fields[2])
    else
      redis.call('XACK', KEYS[1], '${GROUP}', id)
      again = true
    end
  end
  return again
end
local count = tonumber(ARGV[1])
if ARGV[2] ~= '' then
  while read(count, ARGV[2]) do answer = {} end
end
if ARGV[3] == 'fresh' and #answer / 2 < count then read(count - #answer / 2, '>') end
return answer
`,
};
