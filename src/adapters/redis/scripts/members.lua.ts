// The members of a presence channel, as a list: ioredis would make an object of it, which reorders and swallows keys.
import type { Script } from './script.ts';

export const members: Script = {
  name: 'fanfareMembers',
  numberOfKeys: 1,
  lua: `
-- KEYS: 1 members
-- Answers {user id, info, ...}.
return redis.call('HGETALL', KEYS[1])
`,
};

export const roster: Script = {
  name: 'fanfareRoster',
  numberOfKeys: 2,
  lua: `
-- KEYS: 1 members, 2 changes
-- ARGV: 1 channel
-- Answers {number of the last change or 0, {user id, info, ...}}, of the same moment.
return {tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or 0), redis.call('HGETALL', KEYS[1])}
`,
};
