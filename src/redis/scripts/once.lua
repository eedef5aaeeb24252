#!lua
-- Stores a batch as schedule.lua does, of which some messages have deduplication keys: those whose key another message
-- took within the window repeat it, and are not stored. What repeats what is kept with the slot for as long as the slot,
-- so that a publisher that lost the answer is told the same.
-- KEYS: as of schedule.lua (none is beside), then: each deduplication key, what the slot's last batch repeated
-- ARGV: as of publish.lua, behind the expiry: how many are due later; for each: delay, id; how many have keys, window; the id
--       of each; then the bits of all groups (a log's)
-- Answers: as publish.lua; with 0 and 1 then: the ids of those that repeat, each followed by the other's
--!include ids.lua
--!include queue.lua
--!include bits.lua
local ONCE = KEYS[#KEYS]
local repeated = call('GET', ONCE) -- first id of the batch, then what it repeated
if repeated and repeated:sub(1, ID) == ARGV[5] then return {1, now, 0, repeated:sub(ID + 1)} end
--!include judge.lua
--!include repeats.lua
--!include store.lua
--!include postpone.lua
--!include push.lua
--!include due.lua
--!include stored.lua
--!include take_keys.lua
return {0, now, dropped, repeats}
