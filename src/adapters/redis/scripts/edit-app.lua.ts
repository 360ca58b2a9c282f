// An app of the store is added, replaced or removed, unless somebody else changed it or has one of its keys.
import type { Script } from './script.ts';

export const editApp: Script = {
  name: 'fanfareEditApp',
  numberOfKeys: 3,
  lua: `
-- KEYS: 1 records: app id -> {"version":…,"app":…}, 2 key -> id of the app it is of, 3 revision
-- ARGV: 1 insert, update or remove, 2 app id, 3 version that must be there ("": any), 4 new version, which is the new
--       revision as well, 5 where it is told, 6 "known" from who has seen that there is a revision, 7 the app in JSON,
--       8… its keys
-- Answers done, exists, missing, changed, gone where there is no revision any more, or {key, id of the app that has it}.
local what, id, expected, version, news, seen, app = unpack(ARGV)
if seen == 'known' and redis.call('EXISTS', KEYS[3]) == 0 then return 'gone' end
local function text_of(app_id) return redis.call('HGET', KEYS[1], app_id) end
-- Whatever somebody wrote there by hand.
local function record_in(text)
  local is_json, record = pcall(cjson.decode, text or '{}')
  return is_json and type(record) == 'table' and record or {}
end
local function keys_in(text)
  local keys, app = {}, record_in(text).app
  if type(app) ~= 'table' then return keys end
  if type(app.key) == 'string' then table.insert(keys, app.key) end
  for _, pair in ipairs(type(app.keys) == 'table' and app.keys or {}) do
    if type(pair) == 'table' and type(pair.key) == 'string' then table.insert(keys, pair.key) end
  end
  return keys
end
local function has_key(app_id, wanted)
  for _, key in ipairs(keys_in(text_of(app_id))) do if key == wanted then return true end end
  return false
end
local known = text_of(id)
if what == 'insert' then
  if known then return 'exists' end
else
  if not known then return 'missing' end
  local found = record_in(known).version
  if type(found) ~= 'string' then found = redis.sha1hex(known) end
  if expected ~= '' and expected ~= found then return 'changed' end
end
for index = 8, #ARGV do
  local owner = redis.call('HGET', KEYS[2], ARGV[index])
  if owner and owner ~= id and has_key(owner, ARGV[index]) then return {ARGV[index], owner} end
end
for _, key in ipairs(keys_in(known)) do
  if redis.call('HGET', KEYS[2], key) == id then redis.call('HDEL', KEYS[2], key) end
end
if what == 'remove' then
  redis.call('HDEL', KEYS[1], id)
else
  redis.call('HSET', KEYS[1], id, '{"version":"' .. version .. '","app":' .. app .. '}')
  for index = 8, #ARGV do redis.call('HSET', KEYS[2], ARGV[index], id) end
end
redis.call('SET', KEYS[3], version)
redis.call('PUBLISH', news, version)
return 'done'
`,
};
