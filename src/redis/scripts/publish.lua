#!lua
-- Stores a batch in a queue, whole or not at all.
-- KEYS: queue (1-8), the blobs, then for each group its wake list and its lanes (in the order of the lane arguments)
-- ARGV: generation, slot, connection number, fresh, first id, max_items, drop oldest (a log always does), is log,
--       blobs, groups, lanes, expiring, then: lanes: priority, count of ids; ids by lane; id, record, ...; expiry: time, id, ...
-- Answers: code, now, ...   0 stored (dropped)  1 stored before  2 generation (gen, lanes, groups)  3 full
--          4 a late copy  5 slot taken  6 a blob is gone
--!include queue.lua
local generation, slot, connection, fresh, first = ARGV[1], 's:' .. ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local max_items, drop_oldest, is_log = tonumber(ARGV[6]), ARGV[7] == '1', ARGV[8] == '1'
local blobs, groups, lanes, expiring = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])

local meta = call('HMGET', META, 'gen', slot, 'lanes', 'groups')
if meta[2] then
  local number, stored = meta[2]:match('^(%d+) (%S+)')
  if fresh == '1' then return {5, now} end
  if tonumber(number) > connection then return {4, now} end
  if stored == first then return {1, now} end
end
if meta[1] ~= generation then return {2, now, meta[1] or '', meta[3] or '', meta[4] or ''} end

local at, total = 13, 0
local priorities, counts = {}, {}
for i = 1, lanes do
  priorities[i], counts[i] = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  total = total + counts[i]
  at = at + 2
end

local dropped, wanted = 0, 0
local stride = 1 + lanes -- keys of a group
local base = 8 + blobs
if max_items > 0 then
  wanted = call('HLEN', MSG) + total - max_items
  if wanted > 0 then wanted = wanted - expire(100) end
  if wanted > 0 and not is_log then
    if not drop_oldest then return {3, now} end
    local waiting = 0 -- judged before anything is dropped
    for i = 1, lanes do waiting = waiting + call('LLEN', KEYS[base + 1 + i]) end
    if waiting < wanted then return {3, now} end
  end
end
for i = 1, blobs do
  if call('PERSIST', KEYS[8 + i]) == 0 then return {6, now} end
end

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
  for i = lanes, 1, -1 do -- lowest lane first
    while dropped < wanted do
      local id = call('LPOP', KEYS[base + 1 + i])
      if not id then break end
      if drop_message(id) then dropped = dropped + 1 end
    end
  end
  if dropped < wanted then return {3, now} end -- tombstones only
end
if dropped > 0 then call('HINCRBY', META, 'c:dropped', dropped) end

local records = at + total
set_many(MSG, ARGV, records, records + 2 * total - 1)
if expiring > 0 then
  local from = records + 2 * total
  call('ZADD', EXPIRY, unpack(ARGV, from, from + 2 * expiring - 1))
end
if is_log then
  local entries = {}
  for i = at, at + total - 1 do
    entries[#entries + 1] = 0
    entries[#entries + 1] = ARGV[i]
  end
  call('ZADD', LOG, unpack(entries))
  if groups > 0 then
    local map = ARGV[#ARGV] -- bits of all groups
    for i = 1, 2 * total, 2 do entries[i], entries[i + 1] = ARGV[at + (i - 1) / 2], map end
    set_many(REFS, entries, 1, 2 * total)
  end
end
for g = 0, groups - 1 do
  local keys, from = base + g * stride, at
  for i = 1, lanes do
    if counts[i] > 0 then
      call('RPUSH', KEYS[keys + 1 + i], unpack(ARGV, from, from + counts[i] - 1))
      from = from + counts[i]
    end
  end
  if call('EXISTS', KEYS[keys + 1]) == 0 then call('RPUSH', KEYS[keys + 1], '1') end
end
call('HSET', META, slot, connection .. ' ' .. first .. ' ' .. now)
call('HINCRBY', META, 'c:published', total)
return {0, now, dropped}
