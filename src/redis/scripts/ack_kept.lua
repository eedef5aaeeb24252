#!lua flags=allow-oom
-- Settles as ack.lua does, in a channel that keeps what was acknowledged.
-- KEYS: group (1-14), hand, KEPT, KEPT_BY, KEPT_LOG
-- ARGV: consumer, group, ordinal, for how long, how many, then: delivery, its ids; ...
-- Answers: as ack.lua
--!include ids.lua
--!include bits.lua
--!include queue.lua
--!include removal.lua
--!include hand.lua
--!include group.lua
local KEPT, KEPT_BY, KEPT_LOG = KEYS[16], KEYS[17], KEYS[18]
local beside = false
--!include settle.lua
--!include kept.lua
keep(ids, call('HMGET', MSG, unpack(ids)), ordinal, tonumber(ARGV[4]), tonumber(ARGV[5]))
call('HDEL', MSG, unpack(ids))
if marked then call('ZREM', EXPIRY, unpack(ids)) end
if awaited then
  --!include trace.lua
  if is_awaited() then leave_trace(ids, 'a') end
end
for _, id in ipairs(ids) do discard_blob(id) end -- it stays while it is kept (release.lua)
return answer
