-- The keys that every script of a queue gets, in this order (src/redis/keys.hpp), and what all of them share.
local META, MSG, EXPIRY, REFS, LOG = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local DEAD, DEAD_BY, TRASH = KEYS[6], KEYS[7], KEYS[8]
local call = redis.call
local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- 6 bits of an id's character; an id's ninth bit of the lane says that its payload is a blob (docs/wire-format.md).
local function sixbits(byte)
  if byte == 45 then return 0 end
  if byte <= 57 then return byte - 47 end
  if byte <= 90 then return byte - 54 end
  if byte == 95 then return 37 end
  return byte - 59
end
local function priority_of(id)
  return (sixbits(id:byte(8) or 45) * 64 + sixbits(id:byte(9) or 45)) % 256
end
local function is_blob(id)
  return sixbits(id:byte(8) or 45) >= 4
end
local function is_id(text)
  return #text == 16 and not text:find('[^-0-9A-Z_a-z]')
end

-- A small hash is a list to the server, which searches it from end to end: 500 fields at once are 500 searches. A field
-- of more than hash-max-listpack-value bytes in front of them makes it a table before they come; it goes at once.
local BULKY = string.rep('-', 512)
local function set_many(key, pairs_of)
  if #pairs_of < 64 then return call('HSET', key, unpack(pairs_of)) end
  call('HSET', key, BULKY, '', unpack(pairs_of))
  call('HDEL', key, BULKY)
end

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
  if count > 0 then call('HINCRBY', META, 'c:expired', count) end
  count_tombstones(count)
  return count
end
