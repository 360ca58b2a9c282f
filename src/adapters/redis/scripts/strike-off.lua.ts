// A node's id is of no use any more: nothing is held under it.
import type { Script } from './script.ts';

export const strikeOff: Script = {
  name: 'fanfareStrikeOff',
  numberOfKeys: 5,
  lua: `
-- KEYS: 1 nodes, 2 reaping, 3 apps of the node, 4 and 5 what is known of the time the nodes are there
-- ARGV: 1 node id
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[3])
if redis.call('EXISTS', KEYS[1], KEYS[2]) == 0 then redis.call('DEL', KEYS[4], KEYS[5]) end
return 1
`,
};
