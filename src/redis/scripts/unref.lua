#!lua flags=allow-oom
-- One step of clearing the bits of an ordinal that no group has any more; what nobody else needs goes.
-- KEYS: group (1-14)   ARGV: ordinal   Answers: now, state (0 done, 1 more)
--!include bits.lua
--!include queue.lua
--!include removal.lua
--!include group.lua
local field, ordinal = 'gone:' .. ARGV[1], tonumber(ARGV[1])
local group, cursor = (call('HGET', META, field) or ''):match('^(.*) (%d+)$')
if not group then return {now, 0} end
if call('HEXISTS', META, 'copy:' .. group) == 1 then return {now, 0} end -- it may still want what it had
local found = call('HSCAN', REFS, cursor, 'COUNT', 500)
for i = 1, #found[2], 2 do
  if has_bit(found[2][i + 1], ordinal) then release(found[2][i], ordinal, false) end
end
if found[1] == '0' then
  call('HDEL', META, field)
  return {now, 0}
end
call('HSET', META, field, group .. ' ' .. found[1])
return {now, 1}
