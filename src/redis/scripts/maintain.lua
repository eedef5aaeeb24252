#!lua flags=allow-oom
-- One bounded step of house-keeping of a queue: expiry, tombstones, idle slots, abandoned groups, the queue itself.
-- KEYS: queue (1-8), for each group: lease, due, wake, skip, lanes...
-- ARGV: generation, lanes, remove (1: the queue, where it is idle), group...
-- Answers: now, state (0 done, 1 more at once, 2 generation, 3 there is no queue, 4 idle for a day: unregister it, then
--          remove it), expired, abandoned group...
--!include queue.lua
local generation, lanes, remove = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
local meta = call('HMGET', META, 'gen', 'maint', 'lanes', 'groups')
if not meta[1] then return {now, 3, 0} end
if meta[1] ~= generation then return {now, 2, 0, meta[1], meta[3] or '', meta[4] or ''} end
call('HSET', META, 'maint', now)
local expired = expire(100)
if expired == 100 then return {now, 1, expired} end

local answer, living, busy = {now, 0, expired}, call('HLEN', MSG), false
local stride = 4 + lanes
for g = 1, #ARGV - 3 do
  local group, base = ARGV[3 + g], 8 + (g - 1) * stride
  if call('EXISTS', KEYS[base + 1]) == 1 or call('EXISTS', KEYS[base + 2]) == 1 then busy = true end
  local times = call('HMGET', META, 'ttl:' .. group, 'seen:' .. group)
  local ttl = tonumber(times[1] or 0)
  if group ~= '-' and ttl > 0 and call('EXISTS', KEYS[base + 1]) == 0 and now - tonumber(times[2] or now) >= ttl then
    answer[#answer + 1] = group
  end
  if living == 0 then call('DEL', KEYS[base + 3], KEYS[base + 4]) end
  for i = 1, lanes do
    local lane = KEYS[base + 4 + i]
    local length = call('LLEN', lane)
    if length > 0 and living > 0 then busy = true end
    if living == 0 then
      call('DEL', lane)
    elseif length > living + 100 then
      -- Tombstones: a window at the head is read, and the living of it put back.
      local window = call('LRANGE', lane, 0, 9999)
      call('LTRIM', lane, #window, -1)
      for k = #window, 1, -1 do
        if call('HEXISTS', MSG, window[k]) == 1 then call('LPUSH', lane, window[k]) end
      end
    end
  end
end
local slots = 0
local fields = call('HGETALL', META)
for i = 1, #fields, 2 do
  if fields[i]:sub(1, 2) == 's:' then
    local at = tonumber(fields[i + 1]:match('(%d+)$') or 0)
    if now - at > 600000 then call('HDEL', META, fields[i]) else slots = slots + 1 end
  end
end
-- A queue that holds nothing and that nobody has used for a day goes, all but its registry entry.
if living == 0 and not busy and slots == 0 and call('EXISTS', DEAD) == 0 and (meta[4] == '-:-1' or meta[4] == '') then
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
