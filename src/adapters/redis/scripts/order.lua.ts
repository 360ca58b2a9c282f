// Orders: messages that must reach who is meant also when nobody listens at that moment. They are kept for a while, for
// nodes that listen again.
import { now } from './now.lua.ts';
import type { Script } from './script.ts';

/** Longest time for which a node that does not listen may learn of it afterwards. */
const ORDER_SECONDS = 3600;
const ORDERS = 10_000;

export const order: Script = {
  name: 'fanfareOrder',
  numberOfKeys: 1,
  lua: `
-- KEYS: 1 orders
-- ARGV: 1 what is kept, 2 topic, 3 message
${now}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ${ORDER_SECONDS * 1000})
redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -${ORDERS + 1})
redis.call('EXPIRE', KEYS[1], ${ORDER_SECONDS})
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 1
`,
};

export const orders: Script = {
  name: 'fanfareOrders',
  numberOfKeys: 1,
  lua: `
-- KEYS: 1 orders
-- ARGV: 1 how many milliseconds back
-- Answers {what was kept, its age in ms, ...}, oldest first.
${now}
local found = redis.call('ZRANGEBYSCORE', KEYS[1], string.format('%.0f', now - ARGV[1]), '+inf', 'WITHSCORES')
for index = 2, #found, 2 do found[index] = now - tonumber(found[index]) end
return found
`,
};
