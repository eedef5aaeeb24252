#!lua flags=allow-oom
-- Settles a message for a group, whoever holds it, delivered or not.
-- KEYS: group (1-14), hands..., lanes..., KEPT, KEPT_BY, KEPT_LOG
-- ARGV: group, ordinal, id, hands, consumer of each..., for how long it is kept, of how many (0, 0: it is not)
-- Answers: now, 'o' or 'n'
--!include ids.lua
--!include bits.lua
--!include queue.lua
--!include removal.lua
--!include hand.lua
--!include group.lua
local KEPT, KEPT_BY, KEPT_LOG = KEYS[#KEYS - 2], KEYS[#KEYS - 1], KEYS[#KEYS]
--!include kept.lua
--!include trace.lua
local group, ordinal, id = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local duration, most = tonumber(ARGV[#ARGV - 1]), tonumber(ARGV[#ARGV])
if not still_needed(id, ordinal) then return {now, 'n'} end
local waits = call('ZREM', DUE, priority_of(id) .. '|' .. id) == 0
for i = 1, tonumber(ARGV[4]) do
  if let_go_anywhere(KEYS[14 + i], id) then
    waits = false
    call('ZREM', UNTIL, ARGV[4 + i] .. '|' .. id)
  end
end
if waits then -- in a lane: the entry is left behind, and a log's message may still be there for others
  count_tombstones(1)
  if ordinal >= 0 then call('SADD', SKIP, id) end
end
local record = (duration > 0 or most > 0) and call('HGET', MSG, id)
release(id, ordinal, false)
if record and call('HEXISTS', MSG, id) == 0 then keep({id}, {record}, ordinal, duration, most) end
if call('HEXISTS', MSG, id) == 0 and is_awaited() then leave_trace({id}, 'a') end
call('HINCRBY', META, 'a:' .. group, 1)
if call('EXISTS', MSG) == 0 then -- nothing but tombstones is left in the lanes
  call('DEL', SKIP, WAKE, unpack(KEYS, 15 + tonumber(ARGV[4]), #KEYS - 3))
end
return {now, 'o'}
