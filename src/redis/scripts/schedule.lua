#!lua
-- Stores a batch as publish.lua does, of which some messages are due later: they wait in the groups' due sets.
-- KEYS: as of publish.lua, then: due set of each group, LATER; where records are beside: OPEN
-- ARGV: as of publish.lua, behind the expiry: for each that is due later: delay, id
-- Answers: as publish.lua
--!include ids.lua
--!include queue.lua
--!include judge.lua
--!include store.lua
local when = {}
local last = (is_log and groups > 0) and #ARGV - 1 or #ARGV
for i = record + 2 * expiring, last, 2 do when[ARGV[i + 1]] = now + tonumber(ARGV[i]) end
--!include postpone.lua
--!include push.lua
--!include due.lua
--!include stored.lua
return {0, now, dropped}
