// A node says that it lives, and takes over nodes that do so no more: each is handed to one node only.
import { keep } from './keep.lua.ts';
import type { Script } from './script.ts';

export const lease: Script = {
  name: 'fanfareLease',
  numberOfKeys: 4,
  lua: `
-- KEYS: 1 nodes, 2 reaping, 3 when Redis was found empty, 4 when a node was last heard of, both in ms
-- ARGV: 1 node id, 2 length of a lease in ms, 3 "new" for a node that was not there before
--       4... ids the caller is reaping
-- Answers {whether the node is known, when Redis was found empty, ms since then, ids of nodes the caller is to reap...}.
${keep}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local length = tonumber(ARGV[2])
local lapse = now + length
local new = ARGV[3] == 'new'
local began = tonumber(redis.call('GET', KEYS[3]) or now)
redis.call('SET', KEYS[3], string.format('%.0f', began))
-- While Redis was away nobody could be heard of: all that were there get the time to be.
local heard = tonumber(redis.call('GET', KEYS[4]) or 0)
if now - heard > length / 2 then
  for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do redis.call('ZADD', KEYS[1], lapse, id) end
end
redis.call('SET', KEYS[4], string.format('%.0f', now))
local known = new or redis.call('ZSCORE', KEYS[1], ARGV[1])
local answer = {known and 1 or 0, began, now - began}
if known then
  redis.call('ZADD', KEYS[1], lapse, ARGV[1])
  for at = 4, #ARGV do redis.call('ZADD', KEYS[2], 'XX', lapse, ARGV[at]) end
  -- Who is new has nowhere to reap from yet.
  for _, key in ipairs(new and {} or {KEYS[2], KEYS[1]}) do
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, 10)) do
      redis.call('ZREM', KEYS[1], id)
      redis.call('ZADD', KEYS[2], lapse, id)
      table.insert(answer, id)
    end
  end
end
keep(unpack(KEYS))
return answer
`,
};
