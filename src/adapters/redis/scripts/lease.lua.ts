// A node says that it lives, and takes over nodes that do so no more: each is handed to one node only.
import type { Script } from './script.ts';

export const lease: Script = {
  name: 'fanfareLease',
  numberOfKeys: 2,
  lua: `
-- KEYS: 1 nodes, 2 reaping
-- ARGV: 1 node id, 2 length of a lease in ms, 3 "new" for a node that was not there before
-- Answers {whether the node is known, ids of nodes the caller is to reap...}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lapse = now + tonumber(ARGV[2])
local new = ARGV[3] == 'new'
if not new and not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return {0} end
redis.call('ZADD', KEYS[1], lapse, ARGV[1])
if new then return {1} end
local answer = {1}
for _, key in ipairs({KEYS[2], KEYS[1]}) do
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, 10)) do
    redis.call('ZREM', KEYS[1], id)
    redis.call('ZADD', KEYS[2], lapse, id)
    table.insert(answer, id)
  end
end
return answer
`,
};
