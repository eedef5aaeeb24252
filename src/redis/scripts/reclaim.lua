#!lua flags=allow-oom
-- What a dead consumer had in hand goes back to the head of its lanes; its lease goes last.
-- KEYS: group (1-14), hand of the dead, lanes..., blobs (from, to)...
-- ARGV: the dead consumer, its lease as observed, group, ordinal, lanes, priority..., blob ids...
-- Answers: now, state (0 done, 1 it lives or is gone already, 2 blobs that were not declared: ids...), returned, dead
--!include ids.lua
--!include bits.lua
--!include queue.lua
--!include removal.lua
--!include group.lua
--!include dead.lua
--!include free_key.lua
--!include bounce.lua
local consumer, group, ordinal = ARGV[1], ARGV[3], tonumber(ARGV[4])
local lane_count = tonumber(ARGV[5])
local HAND = KEYS[15]
if call('HGET', LEASE, consumer) ~= ARGV[2] then return {now, 1, 0, 0} end
local lanes, blobs = {}, {}
for i = 1, lane_count do lanes[tonumber(ARGV[5 + i])] = KEYS[15 + i] end
local at = 16 + lane_count
for i = 6 + lane_count, #ARGV do
  blobs[ARGV[i]] = {KEYS[at], KEYS[at + 1]}
  at = at + 2
end
local ids, unknown = {}, {now, 2}
for _, id in ipairs(split_all(call('HVALS', HAND))) do
  if is_id(id) then ids[#ids + 1] = id end -- else somebody's RPUSH
end
for _, id in ipairs(ids) do
  if is_blob(id) and not blobs[id] then unknown[#unknown + 1] = id end
  if not lanes[priority_of(id)] then return {now, 1, 0, 0} end
end
if #unknown > 2 then return unknown end
table.sort(ids, function(a, b) return a > b end)
local alone, dead = #ids == 1, 0
for _, id in ipairs(ids) do
  -- A death counts for a message that was alone. Of several nobody knows whose fault it was: each is a suspect.
  if bounce(id, group, ordinal, alone and 'crash' or nil, 1, consumer, lanes, blobs) then dead = dead + 1 end
  call('ZREM', UNTIL, consumer .. '|' .. id)
end
call('DEL', HAND)
call('HDEL', LEASE, consumer)
call('HSET', META, 'seen:' .. group, now)
if #ids > dead then leave_token() end
if #ids > 0 then call('HINCRBY', META, 'c:recovered', #ids) end
return {now, 0, #ids - dead, dead}
