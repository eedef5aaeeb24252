-- Judges acknowledgements by the hand (ack.lua has the arguments): `ids` are those that leave the queue.
local consumer, group, ordinal = ARGV[1], ARGV[2], tonumber(ARGV[3])
local HAND = KEYS[15]
local done, statuses, all = {}, {}, true
for at = 6, #ARGV, 2 do
  local delivery, some = ARGV[at], ARGV[at + 1]
  if let_go(HAND, delivery, some) then -- mostly a whole delivery, or its first that is left
    done[#done + 1] = some
    statuses[#statuses + 1] = string.rep('o', #some / ID)
  else
    local hand, held, stays = split(call('HGET', HAND, delivery) or ''), {}, {}
    for _, id in ipairs(hand) do held[id] = true end
    for _, id in ipairs(split(some)) do
      if held[id] then
        held[id] = nil
        done[#done + 1] = id
        statuses[#statuses + 1] = 'o'
      else
        all = false
        statuses[#statuses + 1] = still_needed(id, ordinal) and 's' or 'n'
      end
    end
    for _, id in ipairs(hand) do
      if held[id] then stays[#stays + 1] = id end
    end
    if #stays < #hand then set_delivery(HAND, delivery, table.concat(stays)) end
  end
end
local answer = {now, all and '' or table.concat(statuses)}
if #done == 0 then return answer end
local settled = table.concat(done)
call('HINCRBY', META, 'a:' .. group, #settled == ID and '1' or #settled / ID) -- a number takes long to write
beside = beside and all -- else it would take along what is not this consumer's
if beside then
  --!include open.lua
end
local marked = call('EXISTS', TRIES, UNTIL, EXPIRY) > 0
if beside and not marked then return answer end
local ids, awaited = split(settled), false
if marked then
  if call('EXISTS', TRIES) == 1 then
    call('HDEL', TRIES, unpack(ids))
    leave_token() -- a suspect may have waited for an empty hand
    awaited = call('HEXISTS', TRIES, '?') == 1
  end
  if call('EXISTS', UNTIL) == 1 then
    for _, id in ipairs(ids) do call('ZREM', UNTIL, consumer .. '|' .. id) end
  end
end
if ordinal >= 0 then
  local maps, rest, changed = call('HMGET', REFS, unpack(ids)), {}, {}
  if not has_bit(maps[1], ordinal) then
    --!include ordinal_now.lua
  end
  for i, id in ipairs(ids) do
    if has_bit(maps[i], ordinal) then
      local map = flip_bit(maps[i], ordinal)
      if map:find('[^%z]') then
        changed[#changed + 1] = id
        changed[#changed + 1] = map
      else
        rest[#rest + 1] = id
      end
    end
  end
  if #changed > 0 then call('HSET', REFS, unpack(changed)) end
  ids = rest
  if #ids == 0 then return answer end
  call('HDEL', REFS, unpack(ids))
  call('ZREM', LOG, unpack(ids))
end
