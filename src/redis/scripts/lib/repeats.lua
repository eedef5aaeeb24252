-- Which messages of a batch repeat others (once.lua has the arguments): they are taken out of it.
local count, behind = 0, 14 + 2 * lanes
for i = 1, lanes do count = count + #ARGV[13 + 2 * i] / ID end
behind = behind + count + 2 * expiring
local when, delayed = {}, tonumber(ARGV[behind])
for i = behind + 1, behind + 2 * delayed, 2 do when[ARGV[i + 1]] = now + tonumber(ARGV[i]) end
local keys_at = behind + 1 + 2 * delayed
local keyed, window = tonumber(ARGV[keys_at]), ARGV[keys_at + 1]
local first_key = #KEYS - 1 - keyed
local cleared = tonumber(call('HGET', META, 'cleared') or 0) -- how often

-- Who took a key, and still has it: neither was the queue cleared since, nor has a script given it back (free_key.lua).
local function taker(key)
  local value = call('GET', key)
  if not value then return nil end
  local id, clears = value:match('^(%S+) (%d+)$')
  if not id or tonumber(clears) < cleared then return nil end
  if call('EXISTS', TRASH) == 1 and call('LPOS', TRASH, id .. ' ' .. key:sub(#META - 3)) then return nil end
  return id
end

local repeats, other, takes, taken = {}, {}, {}, {}
for i = 1, keyed do
  local id, key = ARGV[keys_at + 1 + i], KEYS[first_key + i]
  local first = taken[key] or taker(key)
  if first then
    other[id] = first
    repeats[#repeats + 1] = id .. first
  else
    taken[key] = id
    takes[#takes + 1] = key
  end
end
local left = count - #repeats
repeats = table.concat(repeats)

local function tell_repeats()
  if repeats == '' then return end
  local blob = 8
  for i = 1, lanes do
    for _, id in ipairs(split(ARGV[13 + 2 * i])) do
      if is_blob(id) then
        blob = blob + 1
        if other[id] then call('UNLINK', KEYS[blob]) end
      end
    end
  end
  call('SET', ONCE, first .. repeats, 'PX', 600000)
  call('HINCRBY', META, 'c:repeated', #repeats / (2 * ID))
end
if left == 0 then
  tell_repeats()
  return {0, now, 0, repeats}
end

-- The arguments without them.
local function without_repeats()
  local kept, at = {unpack(ARGV, 1, 13)}, 14 + 2 * lanes
  local records = {}
  for i = 1, lanes do
    local ids = {}
    for _, id in ipairs(split(ARGV[13 + 2 * i])) do
      if not other[id] then
        ids[#ids + 1] = id
        records[#records + 1] = ARGV[at]
      end
      at = at + 1
    end
    kept[12 + 2 * i], kept[13 + 2 * i] = ARGV[12 + 2 * i], table.concat(ids)
  end
  for _, record in ipairs(records) do kept[#kept + 1] = record end
  local pairs_left = 0
  for i = at, at + 2 * expiring - 2, 2 do
    if not other[ARGV[i + 1]] then
      kept[#kept + 1], kept[#kept + 2] = ARGV[i], ARGV[i + 1]
      pairs_left = pairs_left + 1
    end
  end
  expiring = pairs_left
  if is_log and groups > 0 then kept[#kept + 1] = ARGV[#ARGV] end
  return kept
end
local ARGV = repeats == '' and ARGV or without_repeats()
