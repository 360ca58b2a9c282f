// A connection signs in: announced when it is the user's first.
import { keep } from './keep.lua.ts';
import type { Script } from './script.ts';

export const signIn: Script = {
  name: 'fanfareSignIn',
  numberOfKeys: 3,
  lua: `
-- KEYS: 1 user, 2 held, 3 there when the node was taken for dead
-- ARGV: 1 socket id, 2 node id, 3 holding, 4 topic, 5 announcement; without these two it is not announced
-- Answers 1; -1 when the node may hold nothing. Once more for the same socket only changes its node.
${keep}
if redis.call('EXISTS', KEYS[3]) == 1 or redis.call('EXISTS', KEYS[2]) == 0 then return -1 end
local first = redis.call('EXISTS', KEYS[1]) == 0
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('SADD', KEYS[2], ARGV[3])
keep(KEYS[1], KEYS[2])
if first and ARGV[4] then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
return 1
`,
};
