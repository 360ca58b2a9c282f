// A value and how long it will be there, of the same moment.
import type { Script } from './script.ts';

export const getWithTtl: Script = {
  name: 'fanfareGetWithTtl',
  numberOfKeys: 1,
  lua: `
-- KEYS: 1 any string
-- Answers {value or nil, milliseconds}.
return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}
`,
};
