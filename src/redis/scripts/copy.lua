#!lua
-- One step of filling a new group with the broadcasts that are kept, from its border backwards.
-- KEYS: group (1-14), lanes..., LATER   ARGV: generation, group, ordinal, step, priority...
-- Answers: 0 done, 1 more to do, 2 generation (now, gen, lanes, groups)
--!include bits.lua
--!include queue.lua
--!include group.lua
local group, ordinal, step = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local meta = call('HMGET', META, 'gen', 'lanes', 'groups', 'copy:' .. group)
if meta[1] ~= ARGV[1] then return {2, now, meta[1] or '', meta[2] or '', meta[3] or ''} end
local border = meta[4]
if not border then return {0, now} end
local lanes = {}
for i = 5, #ARGV do lanes[tonumber(ARGV[i])] = KEYS[10 + i] end
local LATER = KEYS[#KEYS]
call('ZREMRANGEBYSCORE', LATER, '-inf', now)
local any_later = call('EXISTS', LATER) == 1
-- What is due later is for this group too.
local function place(id)
  local due = any_later and call('ZSCORE', LATER, id)
  if not due then return requeue(id, lanes) end
  call('ZADD', DUE, due, priority_of(id) .. '|' .. id)
  return true
end
local from = border == '+' and '+' or '(' .. border
local ids = call('ZREVRANGEBYLEX', LOG, from, '-', 'LIMIT', 0, step)
for _, id in ipairs(ids) do
  local map = call('HGET', REFS, id) or ''
  -- A bit that is set: published after the group was there, and in its lane already.
  if not has_bit(map, ordinal) and place(id) then call('HSET', REFS, id, flip_bit(map, ordinal)) end
end
if #ids == step then
  call('HSET', META, 'copy:' .. group, ids[#ids])
  return {1, now}
end
call('HDEL', META, 'copy:' .. group)
leave_token()
return {0, now}
