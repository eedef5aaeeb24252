-- How messages leave a queue for all of its groups.

-- The payload key of a blob can't be declared by a script that finds the id itself: it goes to the trash, and the next
-- client unlinks it.
local function discard_blob(id)
  if is_blob(id) then call('RPUSH', TRASH, 'blob:' .. id) end
end

-- A message leaves the queue for good, for every group of it.
local function drop_message(id)
  if call('HDEL', MSG, id) == 0 then return false end
  call('ZREM', EXPIRY, id)
  call('HDEL', REFS, id)
  call('ZREM', LOG, id)
  discard_blob(id)
  return true
end

-- When messages last left other than settled: of those that are older nobody can say what became of them.
local function note_loss()
  call('HSET', META, 'lost', now)
end

-- What left an inbox while it may wait in a lane: its place there is a tombstone, and fetch looks at each id while there
-- are any. Too many are counted rather than too few; a fetch that empties the lanes ends the count.
local function count_tombstones(count)
  if count > 0 then call('HINCRBY', META, 'void', count) end
end

-- One bounded step of expiry; answers how many went.
local function expire(limit)
  local ids = call('ZRANGEBYSCORE', EXPIRY, '-inf', now, 'LIMIT', 0, limit)
  local count = 0
  for _, id in ipairs(ids) do
    if drop_message(id) then count = count + 1 end
    call('ZREM', EXPIRY, id)
  end
  if count > 0 then
    call('HINCRBY', META, 'c:expired', count)
    note_loss()
  end
  count_tombstones(count)
  return count
end
