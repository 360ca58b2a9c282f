// A socket joins a channel: counted, a member of it on presence channels, and announced when it is the user's first.
import { keep } from './keep.lua.ts';
import { nextChange } from './next-change.lua.ts';
import type { Script } from './script.ts';

export const join: Script = {
  name: 'fanfareJoin',
  numberOfKeys: 10,
  lua: `
-- KEYS: 1 subscribers, 2 members, 3 tabs, 4 channels, 5 held, 6 changes
--       7 and 8 denials that count; of nobody, hence never there, where there is no such user
--       9 there when the node was taken for dead, 10 names of the occupied channels
-- ARGV: 1 channel, 2 socket id, 3 node id, 4 holding, 5 "again" from a node that registers what it holds
--       and on presence channels 6 user id, 7 info, 8 limit of users (0: none)
--       and where it is to be announced 9 topic, 10 frame
-- Answers -1 when the node may hold nothing, 0 when full, the milliseconds to wait when denied, else
-- {subscriptions, new, member added, number of the change, {user id, info, ...}}, without the members when "again".
-- Once more for the same socket only changes its node.
${keep}
${nextChange}
local channel, socket, node, holding, as, user, info, limit, topic, frame = unpack(ARGV)
if redis.call('EXISTS', KEYS[9]) == 1 or redis.call('EXISTS', KEYS[5]) == 0 then return -1 end
local denied = math.max(redis.call('PTTL', KEYS[7]), redis.call('PTTL', KEYS[8]))
if denied > 0 then return denied end
local new = redis.call('HEXISTS', KEYS[1], socket) == 0
local added = false
if user and new then
  added = redis.call('HEXISTS', KEYS[2], user) == 0
  if added then
    limit = tonumber(limit)
    if limit > 0 and redis.call('HLEN', KEYS[2]) >= limit then return 0 end
    redis.call('HSET', KEYS[2], user, info)
  end
  redis.call('HINCRBY', KEYS[3], user, 1)
end
redis.call('HSET', KEYS[1], socket, node)
redis.call('SADD', KEYS[5], holding)
local subscriptions = redis.call('HLEN', KEYS[1])
redis.call('HSET', KEYS[4], channel, subscriptions .. ' ' .. redis.call('HLEN', KEYS[2]))
local change = user and next_change(KEYS[6], channel, added) or 0
if subscriptions == 1 then redis.call('ZADD', KEYS[10], 0, channel) end
keep(KEYS[10], unpack(KEYS, 1, 6))
if added and topic then
  redis.call('PUBLISH', topic, string.format('change %.0f %s', change, socket) .. '\\n' .. frame)
end
local members = (user and as ~= 'again') and redis.call('HGETALL', KEYS[2]) or {}
return {subscriptions, new and 1 or 0, added and 1 or 0, change, members}
`,
};
