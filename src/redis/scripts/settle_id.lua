#!lua flags=allow-oom
-- Settles a message for a group, whoever holds it, delivered or not.
-- KEYS: group (1-14), hands..., lanes...   ARGV: group, ordinal, id, hands, consumer of each...
-- Answers: now, 'o' or 'n'
--!include ids.lua
--!include bits.lua
--!include queue.lua
--!include removal.lua
--!include hand.lua
--!include group.lua
local group, ordinal, id = ARGV[1], tonumber(ARGV[2]), ARGV[3]
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
release(id, ordinal, false)
call('HINCRBY', META, 'a:' .. group, 1)
if call('EXISTS', MSG) == 0 then -- nothing but tombstones is left in the lanes
  call('DEL', SKIP, WAKE, unpack(KEYS, 15 + tonumber(ARGV[4])))
end
return {now, 'o'}
