// A signed-in connection is gone: announced when it was the user's last.
import type { Script } from './script.ts';

export const signOut: Script = {
  name: 'fanfareSignOut',
  numberOfKeys: 2,
  lua: `
-- KEYS: 1 user, 2 held
-- ARGV: 1 socket id, 2 node id, 3 holding, 4 topic, 5 announcement
-- Changes nothing but the register when the sign-in is another node's, or gone.
redis.call('SREM', KEYS[2], ARGV[3])
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
return 1
`,
};
