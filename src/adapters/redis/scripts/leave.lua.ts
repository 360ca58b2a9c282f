// A socket leaves a channel: announced when it was the user's last there.
import { keep } from './keep.lua.ts';
import { nextChange } from './next-change.lua.ts';
import type { Script } from './script.ts';

export const leave: Script = {
  name: 'fanfareLeave',
  numberOfKeys: 7,
  lua: `
-- KEYS: 1 subscribers, 2 members, 3 tabs, 4 channels, 5 held, 6 changes,
--       7 names of the occupied channels
-- ARGV: 1 channel, 2 socket id, 3 node id, 4 holding, and on presence channels
--       5 user id, 6 topic, 7 frame
-- Answers {subscriptions, whether it ended now, member removed}.
-- Changes nothing but the register when the subscription is another node's, or gone.
${keep}
${nextChange}
local channel, socket, node, holding, user, topic, frame = unpack(ARGV)
redis.call('SREM', KEYS[5], holding)
if redis.call('HGET', KEYS[1], socket) ~= node then
  return {redis.call('HLEN', KEYS[1]), 0, 0}
end
redis.call('HDEL', KEYS[1], socket)
local removed = user and redis.call('HINCRBY', KEYS[3], user, -1) <= 0
if removed then
  redis.call('HDEL', KEYS[3], user)
  redis.call('HDEL', KEYS[2], user)
end
local subscriptions = redis.call('HLEN', KEYS[1])
if subscriptions == 0 then
  redis.call('HDEL', KEYS[4], channel)
  redis.call('ZREM', KEYS[7], channel)
else
  redis.call('HSET', KEYS[4], channel, subscriptions .. ' ' .. redis.call('HLEN', KEYS[2]))
end
if removed then
  local change = next_change(KEYS[6], channel, true)
  redis.call('PUBLISH', topic, string.format('change %.0f %s', change, socket) .. '\\n' .. frame)
end
if subscriptions == 0 then redis.call('HDEL', KEYS[6], channel) end
keep(unpack(KEYS))
return {subscriptions, 1, removed and 1 or 0}
`,
};
