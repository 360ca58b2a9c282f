// One step of a list of channels, as one text: a reply of thousands of parts costs a node more than the rest of the list.
import type { Script } from './script.ts';

export const list: Script = {
  name: 'fanfareList',
  numberOfKeys: 1,
  lua: `
-- KEYS: 1 channels. ARGV: 1 cursor, 2 pattern, 3 how many to look at, so that Redis serves others between two steps
-- Answers {next cursor, JSON of {channel, counts, channel, counts, ...}}.
local step = redis.call('HSCAN', KEYS[1], ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])
return {step[1], #step[2] == 0 and '[]' or cjson.encode(step[2])}
`,
};
