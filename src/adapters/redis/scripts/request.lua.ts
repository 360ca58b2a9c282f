// A request with an idempotency key: who comes first does it, and who comes again is told what came of it.
import type { Script } from './script.ts';

export const beginRequest: Script = {
  name: 'fanfareBeginRequest',
  numberOfKeys: 1,
  lua: `
-- KEYS: 1 request
-- ARGV: 1 digest, 2 seconds for which nobody else may do it
-- Answers {"new" | "pending" | "done" | "other", answer or ""}.
local digest, answer = unpack(redis.call('HMGET', KEYS[1], 'digest', 'answer'))
if not digest then
  redis.call('HSET', KEYS[1], 'digest', ARGV[1])
  redis.call('EXPIRE', KEYS[1], ARGV[2])
  return {'new', ''}
end
if digest ~= ARGV[1] then return {'other', ''} end
if answer then return {'done', answer} end
return {'pending', ''}
`,
};

export const finishRequest: Script = {
  name: 'fanfareFinishRequest',
  numberOfKeys: 1,
  lua: `
-- KEYS: 1 request
-- ARGV: 1 digest, 2 answer, 3 seconds to keep it
redis.call('HSET', KEYS[1], 'digest', ARGV[1], 'answer', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
`,
};
