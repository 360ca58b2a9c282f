// Numbers the changes of a channel's members, so that a subscriber can tell which of them its snapshot has: messages and
// snapshots come over two connections.

/** A piece of the scripts that announce a change. */
export const nextChange = `
-- Counts from the microsecond the channel was occupied: ever higher, also when Redis has lost everything in between.
local function next_change(changes, channel, is_change)
  if redis.call('HEXISTS', changes, channel) == 0 then
    local time = redis.call('TIME')
    redis.call('HSET', changes, channel, string.format('%.0f', time[1] * 1000000 + time[2]))
  end
  return redis.call('HINCRBY', changes, channel, is_change and 1 or 0)
end
`;
