-- A fetch that takes messages of some types alone. The others stay where they are, for the group's other consumers.
-- The cursor, which the client keeps, says of each lane how many entries from its head on were looked at and stayed, and
-- their first and last id: while those are in their places only what follows is looked at.
local wanted, cursor = ARGV[9]:match('^(.-)\n(.*)$')
local known, cursors = {}, {}
for priority, entries, first, last in cursor:gmatch('(%d+) (%d+) (%S+) (%S+)\n') do
  known[priority] = {tonumber(entries), first, last}
end

-- Of a record (docs/wire-format.md): fields of a tag, a length and a text, until the payload begins.
local function type_of(record)
  local at = 2
  while true do
    local tag = record:byte(at)
    if not tag or tag == 61 or tag == 64 then return '' end -- = @
    local size, factor, byte = 0, 1
    repeat
      at = at + 1
      byte = record:byte(at)
      if not byte then return '' end
      size, factor = size + byte % 128 * factor, factor * 128
    until byte < 128
    if tag == 116 then return record:sub(at + 1, at + size) end -- t
    at = at + size + 2
  end
end
local function is_wanted(record)
  local name = type_of(record)
  return name ~= '' and not name:find(',', 1, true) and wanted:find(',' .. name .. ',', 1, true)
end

-- Ids as entries of a lane; a log's are one id each.
local function entries_of(list)
  if ordinal >= 0 then return list end
  local entries = {}
  for at = 1, #list, 100 do entries[#entries + 1] = table.concat(list, '', at, math.min(#list, at + 99)) end
  return entries
end
local function push_front(lane, entries)
  for i = #entries, 1, -1 do call('LPUSH', lane, entries[i]) end
end

-- Whether the message may be taken now: a suspect is fetched alone, into an empty hand.
local function take(id, record)
  local tries = has_tries and call('HGET', TRIES, id)
  local suspect = tries and tries:find('^%d+ %d+ %d+ 1 ')
  if suspect and (count > 0 or call('EXISTS', HAND) == 1) then
    bounded, held_back = true, count == 0
    return false
  end
  count, room = count + 1, room - 1
  if suspect then bounded = true end
  if is_blob(id) then bytes = bytes + 262144 end
  taken[count], records[count], all_tries[count] = id, record, tries or ''
  return true
end

local function sift(lane, priority)
  local from, was = 0, known[priority]
  if was then
    local first, last = call('LINDEX', lane, 0), call('LINDEX', lane, was[1] - 1)
    if first and last and first:sub(1, ID) == was[2] and last:sub(-ID) == was[3] then from = was[1] end
  end
  local at, stays, rest, changed = from, {}, {}, false -- rest: of the last entry, not looked at
  local function judge(id, record)
    if room == 0 or bounded then
      rest[#rest + 1] = id
    elseif not takes(id, record) then
      changed = true
    elseif not is_wanted(record) then
      stays[#stays + 1] = id
    elseif take(id, record) then
      changed = true
    else
      rest[#rest + 1] = id
    end
    bytes = bytes + (record and #record or 0)
    if bytes > byte_bound then bounded = true end
  end
  while room > 0 and not bounded do
    local entry = call('LINDEX', lane, at)
    if not entry then break end
    at = at + 1
    if #entry == 0 or #entry % ID ~= 0 then
      foreign[#foreign + 1] = {entry, call('HGET', MSG, entry)}
      changed = true
    else
      local ids = split(entry)
      local found = call('HMGET', MSG, unpack(ids))
      for k, id in ipairs(ids) do judge(id, found[k]) end
    end
  end
  if changed or (#rest > 0 and #stays > 0) then
    local before = from > 0 and call('LRANGE', lane, 0, from - 1) or {}
    call('LTRIM', lane, at, -1)
    push_front(lane, entries_of(rest))
    local judged = split_all(before)
    for _, id in ipairs(stays) do judged[#judged + 1] = id end
    judged = entries_of(judged)
    push_front(lane, judged)
    at = #judged
  elseif #rest > 0 then
    at = at - 1
  end
  if at > 0 then
    local first, last = call('LINDEX', lane, 0), call('LINDEX', lane, at - 1)
    cursors[#cursors + 1] = priority .. ' ' .. at .. ' ' .. first:sub(1, ID) .. ' ' .. last:sub(-ID) .. '\n'
  end
end

for i = 1, lane_count do sift(KEYS[first_lane + i], ARGV[12 + i]) end
only_others = room > 0 and not bounded
sifted = table.concat(cursors)
