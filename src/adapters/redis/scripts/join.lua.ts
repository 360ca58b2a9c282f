// A socket joins a channel: counted, a member of it on presence channels, and announced when it is the user's first.
import { nextChange } from './next-change.lua.ts';
import type { Script } from './script.ts';

export const join: Script = {
  name: 'fanfareJoin',
  numberOfKeys: 8,
  lua: `
-- KEYS: 1 subscribers, 2 members, 3 tabs, 4 channels, 5 held, 6 changes
--       7 and 8 denials that count; of nobody, hence never there, where there is no such user
-- ARGV: 1 channel, 2 socket id, 3 node id, 4 holding, and on presence channels
--       5 user id, 6 info, 7 limit of users (0: none), 8 topic, 9 frame
-- Answers 0 when full, the milliseconds to wait when denied, else {subscriptions, occupied, member added, {user id, info, ...}, number of the change}.
-- Once more for the same socket only changes its node.
local channel, socket, node, holding, user, info, limit, topic, frame = unpack(ARGV)
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
if not user then return {subscriptions, (new and subscriptions == 1) and 1 or 0, 0, {}, 0} end
${nextChange}
local change = next_change(KEYS[6], channel, added)
if added then redis.call('PUBLISH', topic, string.format('change %.0f %s', change, socket) .. '\\n' .. frame) end
return {subscriptions, (new and subscriptions == 1) and 1 or 0, added and 1 or 0, redis.call('HGETALL', KEYS[2]), change}
`,
};
