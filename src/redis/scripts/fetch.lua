#!lua flags=allow-oom
-- Renews the consumer's lease and puts messages into its hand, from the highest lane down.
-- KEYS: group (1-14), hand, lanes (in the order of the lane arguments, greatest first)
-- ARGV: generation, consumer, lease, epoch, room, delivery, visibility (0: the lease covers it), byte bound, probe sizes
--       (0, 1; or the types that alone are wanted, as ",one,two,", a newline and the cursor: lib/sift.lua), group, ordinal,
--       apart (as many messages or more: ids alone are answered), priority of each lane...
-- Answers: code, now, ...  0 ok (left behind, ms to next due or -1, a deadline passed, ids, records, tries: lists as long
--          as there are ids, or empty, a cursor; 2 is left behind for others; 1 at the end: it is paused)  1 gone
--          2 generation (gen, lanes, groups)  3 the group is being filled
--!include ids.lua
--!include queue.lua
--!include group.lua
local generation, consumer, room, delivery = ARGV[1], ARGV[2], tonumber(ARGV[5]), ARGV[6]
local visibility, byte_bound, probe = tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9] == '1'
local group, ordinal, apart = ARGV[10], tonumber(ARGV[11]), tonumber(ARGV[12])
local HAND, first_lane, lane_count = KEYS[15], 15, #ARGV - 12
local typed, only_others, sifted = #ARGV[9] > 1

local lease = call('HGET', LEASE, consumer)
if not lease or lease:match('^%d+') ~= ARGV[4] then return {1, now} end
local meta = call('HMGET', META, 'gen', 'copy:' .. group, 'void')
if meta[1] ~= generation then
  local known = call('HMGET', META, 'lanes', 'groups')
  return {2, now, meta[1] or '', known[1] or '', known[2] or ''}
end
call('HSET', LEASE, consumer, ARGV[4] .. ' ' .. ARGV[3] .. ' ' .. now)
if meta[2] then return {3, now} end
if #generation > 16 then -- lib/generation.lua
  local paused = call('HMGET', META, 'pause:*', 'pause:' .. group)
  if paused[1] or paused[2] then return {0, now, 0, -1, 0, '', {}, {}, '', 1} end
end

-- Whether anything is there but messages that wait in lanes.
local marked = call('EXISTS', DUE, UNTIL, TRIES, EXPIRY, SKIP) > 0
if marked then
  -- What is due goes to the head of its lane, the one that was due first in front.
  local lanes, due = {}, call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', '0', '1000')
  for i = 1, lane_count do lanes[ARGV[12 + i]] = KEYS[first_lane + i] end
  for i = #due, 1, -1 do
    local priority, id = due[i]:match('^(.-)|(.*)$')
    if lanes[priority] then call('LPUSH', lanes[priority], id) end
  end
  if #due > 0 then call('ZREM', DUE, unpack(due)) end
end

-- Somebody's RPUSH by hand: entries, and the records under them where there are any.
local foreign = {}

-- Takes up to that many ids from the head of a lane. Entries hold one id or several: what is too much is put back.
local function pop(lane, most)
  local parts, got, count = {}, 0, '1'
  while got < most do
    local entries = call('LPOP', lane, count)
    if not entries then break end
    local back = {}
    for _, entry in ipairs(entries) do
      local size = #entry / ID
      if size == 0 or size % 1 ~= 0 then
        foreign[#foreign + 1] = {entry, call('HGET', MSG, entry)}
      elseif size <= most - got then
        parts[#parts + 1] = entry
        got = got + size
      else
        local left = (most - got) * ID
        if left > 0 then parts[#parts + 1] = entry:sub(1, left) end
        back[#back + 1] = entry:sub(left + 1)
        got = most
      end
    end
    for i = #back, 1, -1 do call('LPUSH', lane, back[i]) end
    local like = math.max(1, math.floor(#entries[#entries] / ID))
    count = math.min(math.ceil((most - got) / like), 4 * count)
  end
  return table.concat(parts)
end

local taken, records, all_tries = {}, {}, {} -- taken: texts of ids; of a plain queue the records are read at the end
local expired, count = {}, 0
local bounded, held_back = false, false

-- In most queues what is there is taken. Where some of it may be gone, over, or to be delivered alone, each id is looked at.
local plain = ordinal < 0 and not meta[3] and not probe and not typed and (not marked or call('EXISTS', TRIES, EXPIRY) == 0)
local has_tries, choose = false
if not plain then
  --!include choose.lua
  if typed then
    --!include sift.lua
  end
end

for i = 1, typed and 0 or lane_count do
  local lane = KEYS[first_lane + i]
  while room > 0 and not bounded do
    local ids = pop(lane, probe and math.min(room, 64) or math.min(room, 1000))
    if ids == '' then break end
    if plain then
      taken[#taken + 1] = ids
      count = count + #ids / ID
      room = room - #ids / ID
    else
      choose(lane, split(ids))
    end
  end
end

local ids = table.concat(taken)
if count > 0 then
  call('HSET', HAND, delivery, ids)
  call('HINCRBY', META, 'd:' .. group, count == 1 and '1' or count) -- a number takes long to write
  if visibility > 0 then
    for _, id in ipairs(split(ids)) do call('ZADD', UNTIL, now + visibility, consumer .. '|' .. id) end
  end
  if plain and count < apart then records = call('HMGET', MSG, unpack(split(ids))) end
end
if #expired > 0 or #foreign > 0 then
  --!include bits.lua
  --!include removal.lua
  --!include dead.lua
  for _, id in ipairs(expired) do
    drop_message(id)
    if has_tries then call('HDEL', TRIES, id) end
  end
  if #expired > 0 then
    call('HINCRBY', META, 'c:expired', #expired)
    note_loss()
  end
  for _, one in ipairs(foreign) do
    local entry, record = one[1], one[2]
    local account = note_attempt('', 'r', group, consumer, 'an entry that is no id of a message')
    bury(entry, group, 13, 0, 0, 0, account, consumer, record or entry, 10000)
    call('HDEL', MSG, entry)
    call('HINCRBY', META, 'c:corrupt', 1)
  end
end

local answer = {0, now, 0, -1, 0, ids, records, has_tries and all_tries or {}, sifted}
local left = lane_count > 0 and call('EXISTS', unpack(KEYS, first_lane + 1)) > 0
if held_back then
  -- This consumer has to settle what it holds first: told of more it would ask in vain, again and again.
  answer[4] = 1000
  if typed then leave_token() end
elseif left then
  leave_token()
  answer[3] = only_others and 2 or 1
else
  call('DEL', WAKE)
  if meta[3] then call('HDEL', META, 'void') end
  if marked and call('EXISTS', MSG) == 0 then call('DEL', TRIES) end -- of what expired, or made room
end
if marked or visibility > 0 then
  local next_due = call('ZRANGE', DUE, '0', '0', 'WITHSCORES')[2]
  if next_due then
    local wait = math.max(0, tonumber(next_due) - now)
    if answer[4] < 0 or wait < answer[4] then answer[4] = wait end
  end
  local next_until = call('ZRANGE', UNTIL, '0', '0', 'WITHSCORES')[2]
  if next_until then
    local wait = tonumber(next_until) - now
    if wait <= 0 then answer[5] = 1 end
    if answer[4] < 0 or wait < answer[4] then answer[4] = math.max(0, wait) end
  end
end
return answer
