-- Makes room for a batch that was judged, and stores its records.
local total = 0
for i = 1, lanes do total = total + #ARGV[13 + 2 * i] / ID end

local stride, base = 1 + lanes, 8 + blobs -- keys of a group, keys before them
local dropped, wanted = 0, max_items > 0 and call(is_log and 'ZCARD' or 'HLEN', is_log and LOG or MSG) + total - max_items or 0
if wanted > 0 then
  --!include bits.lua
  --!include removal.lua
  wanted = wanted - expire(100)
  if wanted > 0 and is_log then
    for _, id in ipairs(call('ZRANGEBYLEX', LOG, '-', '+', 'LIMIT', 0, wanted)) do
      if drop_message(id) then dropped = dropped + 1 end
    end
    -- Their places in the lanes are tombstones now, at the heads.
    local oldest = call('ZRANGEBYLEX', LOG, '-', '+', 'LIMIT', 0, 1)[1]
    for g = 0, groups - 1 do
      for i = 1, lanes do
        local lane = KEYS[base + g * stride + 1 + i]
        for _ = 1, 2 * wanted do
          local head = call('LINDEX', lane, 0)
          if not head or (oldest and head >= oldest) or call('HEXISTS', MSG, head) == 1 then break end
          call('LPOP', lane)
        end
      end
    end
  elseif wanted > 0 then
    if not drop_oldest then return {3, now} end
    local waiting = 0 -- judged before anything is dropped
    for i = 1, lanes do
      for _, entry in ipairs(call('LRANGE', KEYS[base + 1 + i], 0, wanted - 1)) do
        if waiting >= wanted then break end
        for _, id in ipairs(split(entry)) do waiting = waiting + (meta[5] and call('HEXISTS', MSG, id) or 1) end
      end
    end
    if waiting < wanted then return {3, now} end
    for i = lanes, 1, -1 do -- lowest lane first
      local lane = KEYS[base + 1 + i]
      while dropped < wanted do
        local entry, at = call('LPOP', lane), 1
        if not entry then break end
        while at <= #entry and dropped < wanted do
          if drop_message(entry:sub(at, at + ID - 1)) then dropped = dropped + 1 end
          at = at + ID
        end
        if at <= #entry then call('LPUSH', lane, entry:sub(at)) end
      end
    end
  end
  if dropped > 0 then
    call('HINCRBY', META, 'c:dropped', dropped)
    note_loss()
  end
end

for i = 1, blobs do call('PERSIST', KEYS[8 + i]) end
local record = 14 + 2 * lanes
if not beside then
  local pairs_of = {}
  for i = 1, lanes do
    for _, id in ipairs(split(ARGV[13 + 2 * i])) do
      pairs_of[#pairs_of + 1] = id
      pairs_of[#pairs_of + 1] = ARGV[record]
      record = record + 1
    end
  end
  call('HSET', MSG, unpack(pairs_of))
end
if expiring > 0 then call('ZADD', EXPIRY, unpack(ARGV, record, record + 2 * expiring - 1)) end
if is_log then
  local entries, maps, map = {}, {}, ARGV[#ARGV]
  for i = 1, lanes do
    for _, id in ipairs(split(ARGV[13 + 2 * i])) do
      entries[#entries + 1] = 0
      entries[#entries + 1] = id
      maps[#maps + 1] = id
      maps[#maps + 1] = map
    end
  end
  call('ZADD', LOG, unpack(entries))
  if groups > 0 then
    -- A small hash is a list to the server, which searches it from end to end: 500 fields at once are 500 searches. A field
    -- of more than hash-max-listpack-value bytes in front of them makes it a table before they come.
    local bulky = string.rep('-', 512)
    call('HSET', REFS, bulky, '', unpack(maps))
    call('HDEL', REFS, bulky)
  end
end
