#!lua flags=allow-oom
-- Removes a message for every group; the hands that the caller knows lose it, so that an ack finds nothing.
-- KEYS: queue (1-8), then hands, dues, tries, what is void without messages...   ARGV: id, hands, groups
-- Answers: now, 1 removed or 0
--!include ids.lua
--!include bits.lua
--!include queue.lua
--!include removal.lua
--!include hand.lua
local id, hands, groups = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local removed = drop_message(id)
if removed then count_tombstones(1) end
for i = 1, hands do let_go_anywhere(KEYS[8 + i], id) end
for i = 1, groups do
  call('ZREM', KEYS[8 + hands + i], priority_of(id) .. '|' .. id)
  call('HDEL', KEYS[8 + hands + groups + i], id)
end
if removed and call('EXISTS', MSG) == 0 then -- nothing but tombstones is left in the lanes
  for i = 9 + hands + 2 * groups, #KEYS do call('DEL', KEYS[i]) end
end
return {now, removed and 1 or 0}
