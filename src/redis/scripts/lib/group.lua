-- The keys of a group, behind those of its queue, and the transitions that several scripts share.
local DUE, UNTIL, TRIES, SKIP, WAKE, LEASE = KEYS[9], KEYS[10], KEYS[11], KEYS[12], KEYS[13], KEYS[14]

-- A log's message is needed by the groups whose bits are set in its reference map; an inbox has ordinal -1 and no map.
local function has_bit(map, ordinal)
  local byte = map and map:byte(math.floor(ordinal / 8) + 1)
  return byte and math.floor(byte / 2 ^ (ordinal % 8)) % 2 == 1
end
local function flip_bit(map, ordinal) -- sets a clear bit, clears a set one
  local at = math.floor(ordinal / 8) + 1
  map = map .. string.rep('\0', at - #map)
  local sign = has_bit(map, ordinal) and -1 or 1
  return map:sub(1, at - 1) .. string.char(map:byte(at) + sign * 2 ^ (ordinal % 8)) .. map:sub(at + 1)
end

-- Whether the group still needs a message that is in nobody's (or another's) hand.
local function still_needed(id, ordinal)
  if ordinal < 0 then return call('HEXISTS', MSG, id) == 1 end
  return has_bit(call('HGET', REFS, id), ordinal)
end

-- The group is done with a message: an inbox drops it, a log when the last bit is cleared. keep_blob: a dead letter has
-- taken the payload.
local function release(id, ordinal, keep_blob)
  if call('EXISTS', TRIES) == 1 then call('HDEL', TRIES, id) end
  if ordinal >= 0 then
    local map = call('HGET', REFS, id)
    if not has_bit(map, ordinal) then return end
    map = flip_bit(map, ordinal)
    if map:find('[^%z]') then
      call('HSET', REFS, id, map)
      return
    end
    call('HDEL', REFS, id)
    call('ZREM', LOG, id)
  end
  if call('HDEL', MSG, id) == 1 then
    call('ZREM', EXPIRY, id)
    if not keep_blob then discard_blob(id) end
  end
end

-- A token where there is none: exactly one waiting consumer wakes.
local function leave_token()
  if call('EXISTS', WAKE) == 0 then call('RPUSH', WAKE, '1') end
end

-- What comes back to be delivered goes to the head of its lane; `lanes` maps priorities to keys.
local function requeue(id, lanes)
  local lane = lanes[priority_of(id)]
  if lane then call('LPUSH', lane, id) end
  return lane ~= nil
end
