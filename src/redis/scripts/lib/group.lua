-- The keys of a group, behind those of its queue, and the transitions that several scripts share.
local DUE, UNTIL, TRIES, SKIP, WAKE, LEASE = KEYS[9], KEYS[10], KEYS[11], KEYS[12], KEYS[13], KEYS[14]

-- A log's message is needed by the groups whose bits are set in its reference map; an inbox has ordinal -1 and no map.
local function has_bit(map, ordinal)
  local byte = map and map:byte(math.floor(ordinal / 8) + 1)
  return byte ~= nil and math.floor(byte / 2 ^ (ordinal % 8)) % 2 == 1
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

-- Failures, lapses, crashes, suspect (0 or 1), reason.
local function read_tries(id)
  local text = call('HGET', TRIES, id)
  if not text then return 0, 0, 0, 0, '' end
  local f, l, c, s, reason = text:match('^(%d+) (%d+) (%d+) (%d+) (.*)$')
  if not f then return 0, 0, 0, 0, '' end
  return tonumber(f), tonumber(l), tonumber(c), tonumber(s), reason
end
local function write_tries(id, f, l, c, s, reason)
  call('HSET', TRIES, id, string.format('%d %d %d %d ', f, l, c, s) .. reason)
end

-- A dead letter keeps its blob under a name of its own; in a log others may still need the one that is there.
local function move_blob(id, ordinal, from, to)
  if is_blob(id) and call('EXISTS', from) == 1 then call(ordinal < 0 and 'RENAME' or 'COPY', from, to) end
end

-- A dead letter is named <id>~<group>, so that a repeated call writes the same one.
local alphabet = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz'
local function sixty_four(number, width)
  local text = ''
  for _ = 1, width do
    local digit = number % 64
    text = alphabet:sub(digit + 1, digit + 1) .. text
    number = math.floor(number / 64)
  end
  return text
end
local function bury(id, group, status, f, l, c, reason, consumer, record, cap)
  if not is_id(id) then id = sixty_four(now, 7) .. '--' .. sixty_four(call('HINCRBY', META, 'c:foreign', 1), 7) end
  local name = id .. '~' .. group
  local head = string.format('%d %d %d %d %d %d %d\n', status, f, l, c, now, #reason, #consumer)
  call('HSET', DEAD, name, head .. reason .. consumer .. record)
  call('ZADD', DEAD_BY, now, name)
  call('HINCRBY', META, 'c:dead', 1)
  local over = call('ZCARD', DEAD_BY) - cap
  if over > 0 then
    for _, old in ipairs(call('ZRANGE', DEAD_BY, 0, over - 1)) do
      call('HDEL', DEAD, old)
      call('ZREM', DEAD_BY, old)
      if is_blob(old) then call('RPUSH', TRASH, 'blob:' .. old) end
      call('HINCRBY', META, 'c:dead_dropped', 1)
    end
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

-- A message that was taken and not settled: its next attempt, or the dead letters where there is none. kind: 'lapse' or
-- 'crash'; blobs: id -> {its blob's key, the dead letter's}. Answers whether it is dead.
local function bounce(id, group, ordinal, kind, suspect, consumer, lanes, blobs)
  local f, l, c, _, reason = read_tries(id)
  local record = call('HGET', MSG, id)
  if not record then return false end
  if kind == 'lapse' then
    l, reason = l + 1, 'its reservation lapsed'
  elseif kind == 'crash' then
    c, reason = c + 1, 'its consumer died'
  end
  -- How many deliveries there are in all is the group's: who finds it lapsed may be anybody.
  if kind and f + l + c >= tonumber(call('HGET', META, 'try:' .. group) or 5) then
    if blobs[id] then move_blob(id, ordinal, blobs[id][1], blobs[id][2]) end
    bury(id, group, kind == 'crash' and 20 or 1, f, l, c, reason, consumer, record, 10000)
    release(id, ordinal, ordinal < 0)
    return true
  end
  if kind then call('HINCRBY', META, 'r:' .. group, 1) end
  if kind or suspect == 1 then write_tries(id, f, l, c, suspect, reason) end
  requeue(id, lanes)
  return false
end
