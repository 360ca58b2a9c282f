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
