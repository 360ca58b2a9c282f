// A node is about to hold something of an app: from here on whoever reaps it looks there.
import { keep } from './keep.lua.ts';
import type { Script } from './script.ts';

export const enlist: Script = {
  name: 'fanfareEnlist',
  numberOfKeys: 2,
  lua: `
-- KEYS: 1 nodes, 2 apps of the node
-- ARGV: 1 node id, 2 app id
-- Answers 1, or -1 when the node was taken for dead and may hold nothing.
${keep}
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return -1 end
redis.call('SADD', KEYS[2], ARGV[2])
keep(KEYS[2])
return 1
`,
};

export const openRegister: Script = {
  name: 'fanfareOpenRegister',
  numberOfKeys: 1,
  lua: `
-- KEYS: 1 held
${keep}
redis.call('SADD', KEYS[1], '')
keep(KEYS[1])
`,
};
