// A request with an idempotency key: who comes first does it, and who comes again is told what came of it.
import type { Script } from './script.ts';

export const beginRequest: Script = {
  name: 'fanfareBeginRequest',
  numberOfKeys: 1,
  lua: `
-- KEYS: 1 request
-- ARGV: 1 digest, 2 seconds for which nobody else may do it, 3 claim
-- Answers {"new" | "pending" | "done" | "other", answer or ""}.
local digest, answer = unpack(redis.call('HMGET', KEYS[1], 'digest', 'answer'))
if not digest then
  redis.call('HSET', KEYS[1], 'digest', ARGV[1], 'claim', ARGV[3])
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
-- ARGV: 1 digest, 2 answer, 3 seconds to keep it, 4 claim
-- Where the claim has lapsed, it is kept as long as no other attempt has begun.
local owner = redis.call('HGET', KEYS[1], 'claim')
if owner and owner ~= ARGV[4] then return end
redis.call('HSET', KEYS[1], 'digest', ARGV[1], 'answer', ARGV[2], 'claim', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[3])
`,
};

export const forgetRequest: Script = {
  name: 'fanfareForgetRequest',
  numberOfKeys: 1,
  lua: `
-- KEYS: 1 request
-- ARGV: 1 claim
if redis.call('HGET', KEYS[1], 'claim') == ARGV[1] then redis.call('DEL', KEYS[1]) end
`,
};
