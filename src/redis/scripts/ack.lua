#!lua flags=allow-oom
-- Settles what is in a consumer's hand.
-- KEYS: group (1-14), hand   ARGV: consumer, group, ordinal, blobs among them (0, 1), count, ids..., deliveries...
-- Answers: now, statuses: '' where all are done, else a character each: o(k) s(tale) n(ot found)
--!include queue.lua
--!include group.lua
local consumer, group, ordinal, count = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[5])
local HAND = KEYS[15]
local held = call('HMGET', HAND, unpack(ARGV, 6, 5 + count))
local all = true
for i = 1, count do
  if held[i] ~= ARGV[5 + count + i] then
    all = false
    break
  end
end
local ids, answer = nil, ''
if all then
  ids = {unpack(ARGV, 6, 5 + count)}
  if call('HLEN', HAND) == count then
    call('DEL', HAND)
  else
    call('HDEL', HAND, unpack(ids))
  end
else
  local statuses = {}
  ids = {}
  for i = 1, count do
    if held[i] == ARGV[5 + count + i] then
      ids[#ids + 1] = ARGV[5 + i]
      statuses[i] = 'o'
    else
      statuses[i] = still_needed(ARGV[5 + i], ordinal) and 's' or 'n'
    end
  end
  answer = table.concat(statuses)
  if #ids == 0 then return {now, answer} end
  call('HDEL', HAND, unpack(ids))
end
if call('EXISTS', TRIES) == 1 then
  call('HDEL', TRIES, unpack(ids))
  leave_token() -- a suspect may have waited for an empty hand
end
if call('EXISTS', UNTIL) == 1 then
  for _, id in ipairs(ids) do call('ZREM', UNTIL, consumer .. '|' .. id) end
end
call('HINCRBY', META, 'a:' .. group, #ids)
if ordinal >= 0 then
  local maps, done, kept = call('HMGET', REFS, unpack(ids)), {}, {}
  for i, id in ipairs(ids) do
    if has_bit(maps[i], ordinal) then
      local map = flip_bit(maps[i], ordinal)
      if map:find('[^%z]') then
        kept[#kept + 1] = id
        kept[#kept + 1] = map
      else
        done[#done + 1] = id
      end
    end
  end
  if #kept > 0 then call('HSET', REFS, unpack(kept)) end
  ids = done
  if #ids == 0 then return {now, answer} end
  call('HDEL', REFS, unpack(ids))
  call('ZREM', LOG, unpack(ids))
end
call('HDEL', MSG, unpack(ids))
if call('EXISTS', EXPIRY) == 1 then call('ZREM', EXPIRY, unpack(ids)) end
if ARGV[4] == '1' then
  for _, id in ipairs(ids) do discard_blob(id) end
end
return {now, answer}
