// A connection signs in: announced when it is the user's first.
import type { Script } from './script.ts';

export const signIn: Script = {
  name: 'fanfareSignIn',
  numberOfKeys: 2,
  lua: `
-- KEYS: 1 user, 2 held
-- ARGV: 1 socket id, 2 node id, 3 holding, 4 topic, 5 announcement
-- Once more for the same socket only changes its node.
local first = redis.call('EXISTS', KEYS[1]) == 0
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('SADD', KEYS[2], ARGV[3])
if first then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
return 1
`,
};
