// Counts an open connection unless that would pass the app's limit.
import { keep } from './keep.lua.ts';
import type { Script } from './script.ts';

export const connect: Script = {
  name: 'fanfareConnect',
  numberOfKeys: 3,
  lua: `
-- KEYS: 1 connections, 2 held, 3 there when the node was taken for dead
-- ARGV: 1 socket id, 2 node id, 3 holding, 4 limit (0: none)
-- Answers 1 when admitted, else 0; -1 when the node may hold nothing. Once more for the same socket only changes its node.
${keep}
if redis.call('EXISTS', KEYS[3]) == 1 or redis.call('EXISTS', KEYS[2]) == 0 then return -1 end
local limit = tonumber(ARGV[4])
if limit > 0 and redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 and redis.call('HLEN', KEYS[1]) >= limit then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('SADD', KEYS[2], ARGV[3])
keep(KEYS[1], KEYS[2])
return 1
`,
};
