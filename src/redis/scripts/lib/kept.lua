-- Messages that were acknowledged and are kept: their records, by when they go, and (a log's) in the order of their ids.
local function forget_kept(ids)
  if #ids == 0 then return end
  call('HDEL', KEPT, unpack(ids))
  call('ZREM', KEPT_BY, unpack(ids))
  call('ZREM', KEPT_LOG, unpack(ids))
  for _, id in ipairs(ids) do discard_blob(id) end
end
-- One bounded step; answers how many went.
local function forget_old(limit)
  local ids = call('ZRANGEBYSCORE', KEPT_BY, '-inf', now, 'LIMIT', 0, limit)
  forget_kept(ids)
  return #ids
end
-- House-keeping comes when the first of them goes, at most once a second: its next one is a minute after `maint`.
local function maintain_in_time()
  local first = call('ZRANGE', KEPT_BY, 0, 0, 'WITHSCORES')[2]
  if first then call('HSET', META, 'maint', math.min(now, math.max(now + 1000, tonumber(first)) - 60000)) end
end
-- duration: ms, 0: as long as there are not too many; most: 0: any number.
local function keep(ids, records, ordinal, duration, most)
  local entries, by, in_order = {}, {}, {}
  local gone = now + (duration > 0 and duration or 315360000000)
  for i, id in ipairs(ids) do
    if records[i] then
      entries[#entries + 1], entries[#entries + 2] = id, records[i]
      by[#by + 1], by[#by + 2] = gone, id
      in_order[#in_order + 1], in_order[#in_order + 2] = 0, id
    end
  end
  if #entries == 0 then return end
  local none = call('EXISTS', KEPT) == 0
  call('HSET', KEPT, unpack(entries))
  call('ZADD', KEPT_BY, 'NX', unpack(by)) -- what was replayed is not kept for longer
  if ordinal >= 0 then call('ZADD', KEPT_LOG, unpack(in_order)) end
  forget_old(2 * #ids + 100)
  local over = most > 0 and call('ZCARD', KEPT_BY) - most or 0
  if over > 0 then forget_kept(call('ZRANGE', KEPT_BY, 0, math.min(over, 2 * #ids + 100) - 1)) end
  if none and duration > 0 then maintain_in_time() end
end
