#!lua flags=allow-oom
-- Renews the consumer's lease and puts messages into its hand, from the highest lane down.
-- KEYS: group (1-14), hand, lanes (in the order of the lane arguments, greatest first)
-- ARGV: generation, consumer, lease, epoch, room, delivery, visibility (0: the lease covers it), byte bound, probe sizes,
--       group, ordinal, priority of each lane...
-- Answers: code, now, ...  0 ok (left behind, ms to next due or -1, a deadline passed, tries
--          (0, 1), then id, record and, where there are some, tries...)
--          1 gone  2 generation (gen, lanes, groups)  3 the group is being filled
--!include queue.lua
--!include group.lua
local generation, consumer, room, delivery = ARGV[1], ARGV[2], tonumber(ARGV[5]), ARGV[6]
local visibility, byte_bound, probe = tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9] == '1'
local group, ordinal = ARGV[10], tonumber(ARGV[11])
local HAND, first_lane, lane_count = KEYS[15], 15, #ARGV - 11

local lease = call('HGET', LEASE, consumer)
if not lease or lease:match('^%d+') ~= ARGV[4] then return {1, now} end
local meta = call('HMGET', META, 'gen', 'copy:' .. group)
if meta[1] ~= generation then
  local known = call('HMGET', META, 'lanes', 'groups')
  return {2, now, meta[1] or '', known[1] or '', known[2] or ''}
end
call('HSET', LEASE, consumer, ARGV[4] .. ' ' .. ARGV[3] .. ' ' .. now)
if meta[2] then return {3, now} end

local lanes = {}
for i = 1, lane_count do lanes[tonumber(ARGV[11 + i])] = KEYS[first_lane + i] end

-- What is due goes to the head of its lane, the one that was due first in front.
local due = call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', 0, 1000)
for i = #due, 1, -1 do
  requeue(due[i]:match('|(.*)$'), lanes)
end
if #due > 0 then call('ZREM', DUE, unpack(due)) end

local has_tries, has_expiry = call('EXISTS', TRIES) == 1, call('EXISTS', EXPIRY) == 1
local has_skip = ordinal >= 0 and call('EXISTS', SKIP) == 1
local answer, taken, bytes, expired = {0, now, 0, -1, 0, has_tries and 1 or 0}, {}, 0, 0
local plain = not has_expiry and not has_skip -- most queues: what is there is taken
local bounded, held_back = false, false

local function takes(id, record)
  if #id ~= 16 or (not record and not is_id(id)) then -- somebody's RPUSH by hand
    bury(id, group, 13, 0, 0, 0, 'an entry that is no id of a message', consumer, record or id, 10000)
    call('HDEL', MSG, id)
    call('HINCRBY', META, 'c:corrupt', 1)
    return false
  end
  if not record then return false end -- deleted, or acked early
  if has_skip and call('SREM', SKIP, id) == 1 then return false end
  if has_expiry then
    local at = call('ZSCORE', EXPIRY, id)
    if at and tonumber(at) <= now then
      drop_message(id)
      if has_tries then call('HDEL', TRIES, id) end
      expired = expired + 1
      return false
    end
  end
  return true
end

for i = 1, lane_count do
  local lane = KEYS[first_lane + i]
  while room > 0 and not bounded do
    local ids = call('LPOP', lane, probe and math.min(room, 64) or math.min(room, 1000))
    if not ids then break end
    local stop = #ids -- how many of them are looked at
    if probe then
      for k = 1, #ids do
        bytes = bytes + call('HSTRLEN', MSG, ids[k]) + (is_blob(ids[k]) and 262144 or 0)
        if bytes > byte_bound and (k > 1 or #taken > 0) then
          stop, bounded = k - 1, true
          break
        end
      end
    end
    local records = stop > 0 and call('HMGET', MSG, unpack(ids, 1, stop)) or {}
    for k = 1, stop do
      local id, record, tries = ids[k], records[k], false
      if plain and record and #id == 16 or takes(id, record) then
        if has_tries then tries = call('HGET', TRIES, id) end
        local suspect = tries and tries:find('^%d+ %d+ %d+ 1 ')
        if suspect and (#taken > 0 or call('HLEN', HAND) > 0) then
          stop, bounded, held_back = k - 1, true, #taken == 0 -- a suspect is fetched alone, into an empty hand
          break
        end
        taken[#taken + 1] = id
        taken[#taken + 1] = delivery
        answer[#answer + 1] = id
        answer[#answer + 1] = record
        if has_tries then answer[#answer + 1] = tries or '' end
        room = room - 1
        if suspect then
          stop, bounded = k, true
          break
        end
      end
    end
    for k = #ids, stop + 1, -1 do call('LPUSH', lane, ids[k]) end
  end
end

if #taken > 0 then
  set_many(HAND, taken, 1, #taken)
  call('HINCRBY', META, 'd:' .. group, #taken / 2)
  if visibility > 0 then
    for k = 1, #taken, 2 do call('ZADD', UNTIL, now + visibility, consumer .. '|' .. taken[k]) end
  end
end
if expired > 0 then call('HINCRBY', META, 'c:expired', expired) end

local left = false
for i = 1, lane_count do
  if call('EXISTS', KEYS[first_lane + i]) == 1 then
    left = true
    break
  end
end
if held_back then
  -- This consumer has to settle what it holds first: told of more it would ask in vain, again and again.
  answer[4] = 1000
elseif not left then
  call('DEL', WAKE)
else
  leave_token()
  answer[3] = 1
end
local next_due = call('ZRANGE', DUE, 0, 0, 'WITHSCORES')[2]
if next_due then
  local wait = math.max(0, tonumber(next_due) - now)
  if answer[4] < 0 or wait < answer[4] then answer[4] = wait end
end
local next_until = call('ZRANGE', UNTIL, 0, 0, 'WITHSCORES')[2]
if next_until then
  local wait = tonumber(next_until) - now
  if wait <= 0 then answer[5] = 1 end
  if answer[4] < 0 or wait < answer[4] then answer[4] = math.max(0, wait) end
end
return answer
