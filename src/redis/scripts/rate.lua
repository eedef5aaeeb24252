#!lua
-- Takes tokens from buckets. One is the time at which it is full again, in microseconds since 2025: more digits of a second
-- would not fit into a number. It holds the tokens of a second, one at least.
-- KEYS: buckets   ARGV: tokens a second of each, then of each take: some will do (0, 1), needs, then bucket (1, 2, ...),
--       tokens; ...
-- Answers: of each take: messages that are paid for or 0, ms to wait, bucket that says so
local call = redis.call
local clock = call('TIME')
local now = (clock[1] - 1735689600) * 1000000 + clock[2]
local full_at, rates, sizes, known = {}, {}, {}, call('MGET', unpack(KEYS))
for i = 1, #KEYS do
  full_at[i] = math.max(now, tonumber(known[i] or now))
  rates[i] = tonumber(ARGV[i]) / 1000000
  sizes[i] = math.max(1, tonumber(ARGV[i]))
end
local answer, at, taken = {}, #KEYS + 1, {}
while at < #ARGV do
  local some, last = ARGV[at] == '1', at + 2 * tonumber(ARGV[at + 1])
  local granted, wait, short_of = math.huge, 0, 1
  for k = at + 2, last, 2 do
    local i, wanted = tonumber(ARGV[k]), tonumber(ARGV[k + 1])
    local has = sizes[i] - (full_at[i] - now) * rates[i] + 0.000001 -- for what rounding takes
    local least = some and 1 or math.min(wanted, sizes[i])
    granted = math.min(granted, some and math.min(wanted, math.floor(has)) or wanted)
    if has < least and (least - has) / rates[i] > wait then
      wait, short_of = (least - has) / rates[i], i
    end
  end
  if wait > 0 then
    granted = 0
  else
    for k = at + 2, last, 2 do
      local i = tonumber(ARGV[k])
      full_at[i] = full_at[i] + (some and granted or tonumber(ARGV[k + 1])) / rates[i]
      taken[i] = true
    end
  end
  answer[#answer + 1] = granted
  answer[#answer + 1] = math.ceil(wait / 1000)
  answer[#answer + 1] = short_of
  at = last + 2
end
for i in pairs(taken) do
  call('SET', KEYS[i], string.format('%.3f', full_at[i]), 'PX', math.ceil((full_at[i] - now) / 1000) + 1000)
end
return answer
