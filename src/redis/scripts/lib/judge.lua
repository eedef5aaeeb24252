-- Judges a batch: whether it is the one that comes next (publish.lua has the arguments).
if #ARGV == 0 then
  --!include close.lua
  return now
end
local generation, slot, connection, before, first = ARGV[1], 's:' .. ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local max_items, drop_oldest, is_log = tonumber(ARGV[6]), ARGV[7] == '1', ARGV[8] == '1'
local blobs, groups, lanes, expiring = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
local beside = ARGV[13] == '1'

local meta, stored = call('HMGET', META, 'gen', slot, 'lanes', 'groups', 'void')
if meta[2] then
  local number
  number, stored = meta[2]:match('^(%d+) (%S+)')
  if before == '1' then return {5, now} end
  if tonumber(number) > tonumber(connection) then return {4, now} end
  if stored == first then return {1, now} end
end
if #before > 1 and stored ~= before then return {7, now} end
if meta[1] ~= generation then return {2, now, meta[1] or '', meta[3] or '', meta[4] or ''} end
for i = 1, blobs do
  if call('EXISTS', KEYS[8 + i]) == 0 then return {6, now} end
end
