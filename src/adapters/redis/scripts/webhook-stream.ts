// What the scripts of the webhook queue have in common.

/** Of what is not added to for so long nothing waits any more, and nobody has asked for its dead letters. */
export const WEBHOOK_KEEP_SECONDS = 7 * 86_400;

/**
 * Of each app's stream. What the group was given and has not acknowledged is what is left by whoever delivered.
 * One consumer for all nodes: one of them delivers at a time, and has what the last one left without claiming it.
 */
export const GROUP = 'fanfare';
export const CONSUMER = 'deliverer';

/**
 * Lua. How many bytes a stream has is kept beside it, in `field` of a hash, as Redis does not know it; whatever that missed
 * is made good when the stream is empty.
 */
export const TALLY = `
local function sizeOf(entry)
  local size = 0
  for at = 2, #entry[2], 2 do size = size + #entry[2][at] end
  return size
end
-- Answers what there is after the change. No change is 0: Redis does not take what Lua calls -0.
local function tally(stream, bytes, field, change)
  if redis.call('XLEN', stream) == 0 then
    redis.call('HDEL', bytes, field)
    return 0
  end
  local size = redis.call('HINCRBY', bytes, field, change)
  redis.call('EXPIRE', bytes, ${WEBHOOK_KEEP_SECONDS})
  return size
end
-- Answers how many of the oldest were dropped, as there were more than so many or so large ones.
local function trim(stream, bytes, field, most, mostBytes)
  local length, size = redis.call('XLEN', stream), tally(stream, bytes, field, 0)
  local dropped, freed = 0, 0
  local function isOver() return length - dropped > most or size - freed > mostBytes end
  while isOver() do
    local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', 100)
    if #oldest == 0 then break end
    for _, entry in ipairs(oldest) do
      if not isOver() then break end
      redis.call('XDEL', stream, entry[1])
      -- Of the queue: trimmed alone they would still be pending.
      if field == 'queue' then redis.call('XACK', stream, '${GROUP}', entry[1]) end
      dropped, freed = dropped + 1, freed + sizeOf(entry)
    end
  end
  tally(stream, bytes, field, 0 - freed)
  return dropped
end
`;
