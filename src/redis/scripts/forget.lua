#!lua flags=allow-oom
-- One step of removing a log's group: first out of the list of groups, then the bits of what it had not acked.
-- KEYS: group (1-14), lanes..., hands...   ARGV: group, ordinal, new generation
-- Answers: now, state (0 done, 1 more, 2 it is in use again)
--!include bits.lua
--!include queue.lua
--!include generation.lua
--!include removal.lua
--!include group.lua
--!include abandoned.lua
local group, ordinal = ARGV[1], tonumber(ARGV[2])
local groups, entry = '/' .. (call('HGET', META, 'groups') or ''), '/' .. group .. ':' .. ordinal
local from, to = groups:find(entry, 1, true)
if from then
  if not is_abandoned(group, LEASE) then return {now, 2} end
  groups = groups:sub(1, from - 1) .. groups:sub(to + 1)
  call('HSET', META, 'gen', marked(ARGV[3]), 'groups', groups:sub(2), 'gone:' .. ordinal, group .. ' 0') -- replays are in no log
  call('HINCRBY', META, 'c:groups_removed', 1)
  note_loss()
end
-- The bits go in steps; the cursor is the last id that was looked at.
local cursor = call('HGET', META, 'forget:' .. group) or '-'
local ids = call('ZRANGEBYLEX', LOG, cursor == '-' and '-' or '(' .. cursor, '+', 'LIMIT', 0, 1000)
for _, id in ipairs(ids) do release(id, ordinal, false) end
if #ids == 1000 then
  call('HSET', META, 'forget:' .. group, ids[#ids])
  return {now, 1}
end
for i = 9, #KEYS do call('UNLINK', KEYS[i]) end
call('HDEL', META, 'forget:' .. group, 'seen:' .. group, 'ttl:' .. group, 'try:' .. group, 'copy:' .. group, 'from:' .. group, 'd:' .. group, 'a:' .. group,
  'r:' .. group)
return {now, 0}
