// What time it is for Redis: nodes' clocks differ.

/** A piece of scripts: `now`, in ms. */
export const now = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;
