#!lua
-- Stores a batch as publish.lua does, of which some messages are due later: they wait in the groups' due sets.
-- KEYS: as of publish.lua, then: due set of each group, LATER; where records are beside: OPEN
-- ARGV: as of publish.lua, behind the expiry: for each that is due later: delay, id
-- Answers: as publish.lua
--!include ids.lua
--!include queue.lua
--!include store.lua
local dues = base + groups * stride -- keys before those of the due sets
local LATER, when = KEYS[dues + groups + 1], {}
local last = (is_log and groups > 0) and #ARGV - 1 or #ARGV
for i = record + 2 * expiring, last, 2 do when[ARGV[i + 1]] = now + tonumber(ARGV[i]) end
local entries, kept, earliest, any = {}, {}, math.huge, false
for i = 1, lanes do
  local priority, ready = ARGV[12 + 2 * i], {}
  for _, id in ipairs(split(ARGV[13 + 2 * i])) do
    local due = when[id]
    if due then
      entries[#entries + 1], entries[#entries + 2] = due, priority .. '|' .. id
      kept[#kept + 1], kept[#kept + 2] = due, id
      earliest = math.min(earliest, due)
    else
      ready[#ready + 1] = id
      any = true
    end
  end
  ARGV[13 + 2 * i] = table.concat(ready) -- what goes into the lane at once
end
--!include push.lua
for g = 0, groups - 1 do
  local due_set, wake = KEYS[dues + g + 1], KEYS[base + g * stride + 1]
  local first = call('ZRANGE', due_set, 0, 0, 'WITHSCORES')[2]
  call('ZADD', due_set, unpack(entries))
  -- Somebody has to look, or to look earlier than it thought.
  if any or not first or earliest < tonumber(first) then
    if call('EXISTS', wake) == 0 then call('RPUSH', wake, '1') end
  end
end
if is_log then -- groups that come later ask when
  call('ZREMRANGEBYSCORE', LATER, '-inf', now)
  call('ZADD', LATER, unpack(kept))
end
--!include stored.lua
