// One page of the occupied channels, in the order of their names, as one text: a reply of thousands of parts costs a node
// more than the rest of the list.
import type { Script } from './script.ts';

export const list: Script = {
  name: 'fanfareList',
  numberOfKeys: 2,
  lua: `
-- KEYS: 1 names of the occupied channels, 2 channels
-- ARGV: 1 and 2 first and last name, as ZRANGEBYLEX has them, 3 names at most, 4 "counted" or ""
-- Answers JSON: {names}, or {names, counts of each}.
local names = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])
if #names == 0 then return '[[],[]]' end
if ARGV[4] ~= 'counted' then return cjson.encode({names}) end
return cjson.encode({names, redis.call('HMGET', KEYS[2], unpack(names))})
`,
};
