#!lua
-- Appends records to a trail, behind the record that they were chained to and no other.
-- KEYS: the stream   ARGV: most records kept, '1' where it may have been done before, number of the first record, hash of
--   the record before it, then of each record: hash, text
-- Answers: 0: done; 1, number and hash of the newest record: it is another one
local call = redis.call
local number, before = tonumber(ARGV[3]), ARGV[4]
local function field(entry, name)
  for i = 1, #entry[2], 2 do
    if entry[2][i] == name then return entry[2][i + 1] end
  end
  return ''
end
local newest = call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local n = newest and tonumber(field(newest, 'n')) or 0
local hash = newest and field(newest, 'h') or ''
if n ~= number - 1 or hash ~= before then
  if ARGV[2] == '1' and n >= number then
    for _, entry in ipairs(call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 5000)) do
      if tonumber(field(entry, 'n')) == number then
        if field(entry, 'h') == ARGV[5] then return {0} end
        break
      end
    end
  end
  return {1, string.format('%.0f', n), hash}
end
for i = 5, #ARGV, 2 do
  call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'n', string.format('%.0f', number), 'h', ARGV[i], 'r', ARGV[i + 1])
  number = number + 1
end
return {0}
