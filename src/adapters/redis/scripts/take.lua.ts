// A rate limit that never admits more than its limit in any second, wherever the second begins.
import type { Script } from './script.ts';

export const take: Script = {
  name: 'fanfareTake',
  numberOfKeys: 1,
  lua: `
-- KEYS: 1 when each of the last units was admitted, in microseconds, oldest first; never more than the limit
-- ARGV: 1 amount, at most the limit, 2 limit per second
-- Answers 0 when all of the amount is admitted, else the milliseconds to wait.
local amount, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
-- Of the units that would then be the last "limit + amount", the oldest that must be a second old.
local oldest = redis.call('LLEN', KEYS[1]) + amount - limit - 1
if oldest >= 0 then
  local wait = redis.call('LINDEX', KEYS[1], oldest) + 1000000 - now
  if wait > 0 then return math.ceil(wait / 1000) end
end
for _ = 1, amount do redis.call('RPUSH', KEYS[1], string.format('%.0f', now)) end
redis.call('LTRIM', KEYS[1], -limit, -1)
redis.call('PEXPIRE', KEYS[1], 1001)
return 0
`,
};
