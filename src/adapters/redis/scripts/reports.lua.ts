// What nodes report of themselves, each with when it did, by the clock of Redis.
import { now } from './now.lua.ts';
import type { Script } from './script.ts';

export const reportNode: Script = {
  name: 'fanfareReportNode',
  numberOfKeys: 1,
  lua: `
-- KEYS: 1 reports
-- ARGV: 1 node id, 2 report, 3 seconds after which a node that reports nothing is gone
${now}
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now) .. ' ' .. ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
`,
};

export const reports: Script = {
  name: 'fanfareReports',
  numberOfKeys: 1,
  lua: `
-- KEYS: 1 reports
-- ARGV: 1 seconds after which a node that reports nothing is gone, and is removed here
-- Answers {{report, milliseconds since it}, ...}.
${now}
local found = redis.call('HGETALL', KEYS[1])
local alive = {}
for index = 1, #found, 2 do
  local at, report = string.match(found[index + 1], '^(%d+) (.*)$')
  local silent = at and now - tonumber(at)
  if not silent or silent > ARGV[1] * 1000 then
    redis.call('HDEL', KEYS[1], found[index])
  else
    alive[#alive + 1] = {report, silent}
  end
end
return alive
`,
};
