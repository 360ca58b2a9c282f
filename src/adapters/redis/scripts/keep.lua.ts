// Nothing of ours stays in Redis for ever: what nobody touches for a day is gone. Nodes that live touch what they hold.

export const KEEP_SECONDS = 86_400;

/** A piece of the scripts that write. */
export const keep = `
local function keep(...)
  for _, key in ipairs({...}) do redis.call('EXPIRE', key, ${KEEP_SECONDS}) end
end
`;
