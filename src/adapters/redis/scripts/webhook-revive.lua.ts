// Dead letters become entries of the queue again: each is in one of the two, whatever happens.

import type { Script } from './script.ts';
import { TALLY, WEBHOOK_KEEP_SECONDS } from './webhook-stream.ts';

export const webhookRevive: Script = {
  name: 'fanfareWebhookRevive',
  numberOfKeys: 3,
  lua: `
-- KEYS: 1 letters, 2 queue, 3 bytes
-- ARGV: 1 entries at most, 2 their bytes at most
--       3 how many ends follow, and from 4 on how the entries of those endpoints end whose letters are wanted; -1: all are
--       then "all", the letter to begin with, the last one, and how many to look at
--       or "these" and the letters, oldest first
-- Answers how many there were, and room for; and the letter after which all goes on, "" when there are no more.
${TALLY}
local ends = tonumber(ARGV[3])
local rest = 4 + math.max(ends, 0)
local function isWanted(entry)
  for at = 4, rest - 1 do
    if string.sub(entry, -#ARGV[at]) == ARGV[at] then return true end
  end
  return ends < 0
end
local letters, last = {}, ''
if ARGV[rest] == 'all' then
  letters = redis.call('XRANGE', KEYS[1], ARGV[rest + 1], ARGV[rest + 2], 'COUNT', ARGV[rest + 3])
  if #letters == tonumber(ARGV[rest + 3]) then last = letters[#letters][1] end
else
  for at = rest + 1, #ARGV do
    table.insert(letters, redis.call('XRANGE', KEYS[1], ARGV[at], ARGV[at])[1])
  end
end
local room = ARGV[1] - redis.call('XLEN', KEYS[2])
local free = ARGV[2] - tally(KEYS[2], KEYS[3], 'queue', 0)
local revived, freed, added = 0, 0, 0
for _, letter in ipairs(letters) do
  local entry = letter[2][2]
  if isWanted(entry) then
    if revived >= room or added + #entry > free then
      last = ''
      break
    end
    redis.call('XADD', KEYS[2], '*', 'entry', entry)
    redis.call('XDEL', KEYS[1], letter[1])
    revived, freed, added = revived + 1, freed + sizeOf(letter), added + #entry
  end
end
tally(KEYS[1], KEYS[3], 'letters', 0 - freed)
tally(KEYS[2], KEYS[3], 'queue', added)
redis.call('EXPIRE', KEYS[2], ${WEBHOOK_KEEP_SECONDS})
return {revived, last}
`,
};
