#!lua flags=allow-oom
-- One bounded step of house-keeping of a queue: expiry, tombstones, idle slots, abandoned groups, the queue itself.
-- KEYS: queue (1-8), for each group: lease, due, wake, skip, lanes...; KEPT, KEPT_BY, KEPT_LOG, LATER
-- ARGV: generation, lanes, remove (1: the queue, where it is idle), group...
-- Answers: now, state (0 done, 1 more at once, 2 generation, 3 there is no queue, 4 idle for a day: unregister it, then
--          remove it), what went, abandoned group..., gone:<ordinal> of those whose bits are to be cleared (unref.lua)...
--!include ids.lua
--!include bits.lua
--!include queue.lua
--!include removal.lua
--!include abandoned.lua
local generation, lanes, remove = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
local meta = call('HMGET', META, 'gen', 'maint', 'lanes', 'groups', 'void')
if not meta[1] then return {now, 3, 0} end
if meta[1] ~= generation then return {now, 2, 0, meta[1], meta[3] or '', meta[4] or ''} end
call('HSET', META, 'maint', now)
local expired = expire(100)
if expired == 100 then return {now, 1, expired} end
local KEPT, KEPT_BY, KEPT_LOG = KEYS[#KEYS - 3], KEYS[#KEYS - 2], KEYS[#KEYS - 1]
--!include kept.lua
local forgotten = forget_old(1000)
expired = expired + forgotten
if forgotten == 1000 then return {now, 1, expired} end
maintain_in_time()

-- A window at the head of a lane is read, and the living of it put back.
local function bury_tombstones(lane)
  local entries, living, count = 0, {}, 0
  while count < 10000 do
    local window = call('LRANGE', lane, entries, entries + 99)
    if #window == 0 then break end
    entries = entries + #window
    for _, entry in ipairs(window) do
      for _, id in ipairs(#entry % ID == 0 and split(entry) or {entry}) do
        count = count + 1
        -- What is no id is for a fetch to set aside.
        if #id ~= ID or call('HEXISTS', MSG, id) == 1 then living[#living + 1] = id end
      end
    end
  end
  call('LTRIM', lane, entries, -1)
  for i = #living, 1, -1 do call('LPUSH', lane, living[i]) end
  return count - #living
end

local tombstones = tonumber(meta[5] or 0)
local answer, living, busy = {now, 0, expired}, call('HLEN', MSG), false
local stride = 4 + lanes
for g = 1, #ARGV - 3 do
  local group, base = ARGV[3 + g], 8 + (g - 1) * stride
  if call('EXISTS', KEYS[base + 1]) == 1 or call('EXISTS', KEYS[base + 2]) == 1 then busy = true end
  if group ~= '-' and is_abandoned(group, KEYS[base + 1]) then answer[#answer + 1] = group end
  if living == 0 then call('DEL', KEYS[base + 3], KEYS[base + 4]) end
  for i = 1, lanes do
    local lane = KEYS[base + 4 + i]
    local length = call('LLEN', lane)
    if length > 0 and living > 0 then busy = true end
    if living == 0 then
      call('DEL', lane)
    elseif group == '-' and length > 0 and tombstones > living + 100 then
      tombstones = tombstones - bury_tombstones(lane)
    elseif group ~= '-' and length > living + 100 then -- a log's entries are one id each
      bury_tombstones(lane)
    end
  end
end
if living == 0 or tombstones <= 0 then
  call('HDEL', META, 'void')
elseif tombstones ~= tonumber(meta[5]) then
  call('HSET', META, 'void', tombstones)
end
call('ZREMRANGEBYSCORE', KEYS[#KEYS], '-inf', living == 0 and '+inf' or now)
local slots = 0
local fields = call('HGETALL', META)
for i = 1, #fields, 2 do
  if fields[i]:sub(1, 2) == 's:' then
    local at = tonumber(fields[i + 1]:match('(%d+)$') or 0)
    if now - at > 600000 then call('HDEL', META, fields[i]) else slots = slots + 1 end
  elseif fields[i]:sub(1, 5) == 'gone:' then
    answer[#answer + 1] = fields[i]
  elseif fields[i]:sub(1, 2) == 'w:' and now - tonumber(fields[i + 1]:match('^%d+ (%d+)') or 0) > 60000 then
    call('HDEL', META, fields[i]) -- nobody waits any more (await.lua)
  end
end
-- A queue that holds nothing and that nobody has used for a day goes, all but its registry entry.
if living == 0 and call('EXISTS', KEPT) == 0 and not busy and slots == 0 and call('EXISTS', DEAD) == 0 and (meta[4] == '-:-1' or meta[4] == '') then
  local idle = tonumber(call('HGET', META, 'idle') or 0)
  if idle == 0 then
    call('HSET', META, 'idle', now)
  elseif now - idle > 86400000 then
    answer[2] = 4
    if remove then
      call('UNLINK', META, EXPIRY, REFS, LOG)
      answer[2] = 3
    end
  end
else
  call('HDEL', META, 'idle')
end
return answer
