#!lua flags=allow-oom
-- Reservations whose own deadline passed go back to the head of their lanes, where the hand still has them.
-- KEYS: group (1-14), lanes..., hand of each entry..., blob (from, to) of each entry...
-- ARGV: group, ordinal, lanes, entries, priority..., consumer|id...
-- Answers: now, returned, dead
--!include ids.lua
--!include bits.lua
--!include queue.lua
--!include removal.lua
--!include group.lua
--!include dead.lua
--!include free_key.lua
--!include bounce.lua
--!include hand.lua
local group, ordinal = ARGV[1], tonumber(ARGV[2])
local lane_count, entries = tonumber(ARGV[3]), tonumber(ARGV[4])
local lanes = {}
for i = 1, lane_count do lanes[tonumber(ARGV[4 + i])] = KEYS[14 + i] end
local returned, dead = 0, 0
for i = entries, 1, -1 do -- the last first, so that the first ends up in front
  local entry, HAND, blobs = ARGV[4 + lane_count + i], KEYS[14 + lane_count + i], {}
  local consumer, id = entry:match('^(.*)|(.-)$')
  if is_blob(id) then blobs[id] = {KEYS[14 + lane_count + entries + 2 * i - 1], KEYS[14 + lane_count + entries + 2 * i]} end
  local deadline, lane = call('ZSCORE', UNTIL, entry), lanes[priority_of(id)]
  -- Where the caller does not know its lane a message keeps its deadline, for a caller that does.
  if deadline and tonumber(deadline) <= now and (lane or not is_id(id)) then
    call('ZREM', UNTIL, entry)
    if lane and let_go_anywhere(HAND, id) then
      if bounce(id, group, ordinal, 'lapse', 0, consumer, lanes, blobs) then
        dead = dead + 1
      else
        returned = returned + 1
      end
    end
  end
end
if returned > 0 then
  call('HINCRBY', META, 'c:recovered', returned)
  leave_token()
end
return {now, returned, dead}
