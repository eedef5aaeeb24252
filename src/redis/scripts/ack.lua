#!lua flags=allow-oom
-- Settles what is in a consumer's hand. Many messages of an inbox leave the queue beside the script (open.lua), by an
-- HDEL: to Lua each of their ids would be an argument again.
-- KEYS: group (1-14), hand; where they leave beside: OPEN
-- ARGV: consumer, group, ordinal, blobs among them (0, 1), removed beside (0, 1), then: delivery, its ids; ...
-- Answers: now, statuses: '' where all are done, else a character for each id: o(k) s(tale) n(ot found)
--!include ids.lua
--!include queue.lua
if #ARGV == 0 then
  --!include close.lua
  return now
end
--!include hand.lua
--!include group.lua
local beside = ARGV[5] == '1'
--!include settle.lua
if not beside then call('HDEL', MSG, unpack(ids)) end
if marked then call('ZREM', EXPIRY, unpack(ids)) end
if awaited then
  --!include trace.lua
  if is_awaited() then leave_trace(ids, 'a') end
end
if ARGV[4] == '1' then
  --!include bits.lua
  --!include removal.lua
  for _, id in ipairs(ids) do discard_blob(id) end
end
return answer
