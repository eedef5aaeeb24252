#!lua flags=allow-oom
-- Settles what is in a consumer's hand.
-- KEYS: group (1-14), hand   ARGV: consumer, group, ordinal, count, ids..., deliveries...
-- Answers: now, statuses: '' where all are done, else a character each: o(k) s(tale) n(ot found)
--!include queue.lua
--!include group.lua
local consumer, group, ordinal, count = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local HAND = KEYS[15]
local held = call('HMGET', HAND, unpack(ARGV, 5, 4 + count))
local ids, statuses = nil, {}
for i = 1, count do
  if held[i] == ARGV[4 + count + i] then
    if ids then ids[#ids + 1] = ARGV[4 + i] end
    statuses[i] = 'o'
  else
    if not ids then
      ids = {}
      for k = 1, i - 1 do ids[k] = ARGV[4 + k] end
    end
    statuses[i] = still_needed(ARGV[4 + i], ordinal) and 's' or 'n'
  end
end
local answer = ids and table.concat(statuses) or ''
ids = ids or {unpack(ARGV, 5, 4 + count)}
if #ids == 0 then return {now, answer} end
call('HDEL', HAND, unpack(ids))
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
for _, id in ipairs(ids) do discard_blob(id) end
return {now, answer}
