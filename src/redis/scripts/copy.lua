#!lua
-- One step of filling a new group with the broadcasts that are there or kept, from its border backwards, down to where it
-- begins.
-- KEYS: group (1-14), lanes..., KEPT, KEPT_LOG, LATER   ARGV: generation, group, ordinal, step, priority...
-- Answers: 0 done, 1 more to do, 2 generation (now, gen, lanes, groups)
--!include bits.lua
--!include record.lua
--!include queue.lua
--!include group.lua
local group, ordinal, step = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local meta = call('HMGET', META, 'gen', 'lanes', 'groups', 'copy:' .. group, 'from:' .. group)
if meta[1] ~= ARGV[1] then return {2, now, meta[1] or '', meta[2] or '', meta[3] or ''} end
local border = meta[4]
if not border then return {0, now} end
local lanes = {}
for i = 5, #ARGV do lanes[tonumber(ARGV[i])] = KEYS[10 + i] end
local KEPT, KEPT_LOG, LATER = KEYS[#KEYS - 2], KEYS[#KEYS - 1], KEYS[#KEYS]
call('ZREMRANGEBYSCORE', LATER, '-inf', now)
local any_later = call('EXISTS', LATER) == 1
-- What is due later is for this group too.
local function place(id)
  local due = any_later and call('ZSCORE', LATER, id)
  if not due then return requeue(id, lanes) end
  call('ZADD', DUE, due, priority_of(id) .. '|' .. id)
  return true
end
local from, down = border == '+' and '+' or '(' .. border, (meta[5] or '') == '' and '-' or '[' .. meta[5]
local living = call('ZREVRANGEBYLEX', LOG, from, down, 'LIMIT', 0, step)
local kept = call('ZREVRANGEBYLEX', KEPT_LOG, from, down, 'LIMIT', 0, step)
local ids, l, k, bytes = {}, 1, 1, 0
while #ids < step and bytes < 1048576 and (living[l] or kept[k]) do -- the greater of both heads
  if not kept[k] or (living[l] and living[l] >= kept[k]) then
    if living[l] == kept[k] then k = k + 1 end
    ids[#ids + 1] = living[l]
    l = l + 1
  else
    local id = kept[k]
    ids[#ids + 1] = id
    k = k + 1
    -- A copy, which is in no log: it counts for nothing, and is nobody else's. What has expired does not come again.
    local record = call('HEXISTS', MSG, id) == 0 and call('HGET', KEPT, id)
    local ttl = record and field_of(record, 'x')
    local expires = ttl and time_of(id) + tonumber(ttl) or math.huge
    bytes = bytes + (record and #record or 0)
    if record and expires > now then
      call('HSETNX', MSG, id, record) -- which consumers may, where publishing's HSET is not for them
      if ttl then call('ZADD', EXPIRY, expires, id) end
    end
  end
end
for _, id in ipairs(ids) do
  local map = call('HEXISTS', MSG, id) == 1 and (call('HGET', REFS, id) or '')
  -- A bit that is set: published after the group was there, and in its lane already.
  if map and not has_bit(map, ordinal) and place(id) then call('HSET', REFS, id, flip_bit(map, ordinal)) end
end
if #ids == step or bytes >= 1048576 then
  call('HSET', META, 'copy:' .. group, ids[#ids])
  return {1, now}
end
call('HDEL', META, 'copy:' .. group, 'from:' .. group)
leave_token()
return {0, now}
