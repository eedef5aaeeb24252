#!lua flags=allow-oom
-- Puts what nobody saw back at the head of its lanes, uncounted; ends the lease where asked, or moves it to a new epoch,
-- so that a late copy of a call of the old one is refused.
-- KEYS: group (1-14), hand, lanes...
-- ARGV: consumer, what (0 give back, 1 close, 2 new epoch), visibility, epoch, lease, group, lanes, priority...,
--       ids newest first... (2: instead the numbers of deliveries that never arrived, all of which goes back)
-- Answers: 0 ok (now), 1 gone
--!include queue.lua
--!include group.lua
local consumer, what, lane_count = ARGV[1], ARGV[2], tonumber(ARGV[7])
local HAND = KEYS[15]
if what == '2' and call('HEXISTS', LEASE, consumer) == 0 then return {1, now} end
local lanes = {}
for i = 1, lane_count do lanes[tonumber(ARGV[7 + i])] = KEYS[15 + i] end
local back = {}
if what == '2' then
  local lost, hand = {}, call('HGETALL', HAND)
  for i = 8 + lane_count, #ARGV do lost[ARGV[i]] = true end
  for i = 1, #hand, 2 do
    if lost[hand[i + 1]] then back[#back + 1] = hand[i] end
  end
  table.sort(back, function(a, b) return a > b end)
else
  for i = 8 + lane_count, #ARGV do back[#back + 1] = ARGV[i] end
end
local returned = 0
for _, id in ipairs(back) do
  if call('HDEL', HAND, id) == 1 then
    call('ZREM', UNTIL, consumer .. '|' .. id)
    if requeue(id, lanes) then returned = returned + 1 end
  end
end
if returned > 0 then
  call('HINCRBY', META, 'd:' .. ARGV[6], -returned)
  leave_token()
end
if what == '1' then
  -- What was handed out may still be settled, until its time is over.
  for _, id in ipairs(call('HKEYS', HAND)) do
    call('ZADD', UNTIL, 'NX', now + tonumber(ARGV[3]), consumer .. '|' .. id)
  end
  call('HDEL', LEASE, consumer)
  call('HSET', META, 'seen:' .. ARGV[6], now)
elseif what == '2' then
  call('HSET', LEASE, consumer, ARGV[4] .. ' ' .. ARGV[5] .. ' ' .. now)
end
return {0, now}
