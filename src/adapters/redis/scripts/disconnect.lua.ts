// A connection is open no more.
import type { Script } from './script.ts';

export const disconnect: Script = {
  name: 'fanfareDisconnect',
  numberOfKeys: 2,
  lua: `
-- KEYS: 1 connections, 2 held
-- ARGV: 1 socket id, 2 node id, 3 holding
-- Changes nothing but the register when the connection is another node's, or gone.
redis.call('SREM', KEYS[2], ARGV[3])
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return 1
`,
};
