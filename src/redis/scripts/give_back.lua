#!lua flags=allow-oom
-- Puts what nobody saw back at the head of its lanes, uncounted; ends the lease where asked, or moves it to a new epoch,
-- so that a late copy of a call of the old one is refused.
-- KEYS: group (1-14), hand, lanes...
-- ARGV: consumer, what (0 give back, 1 close, 2 new epoch), visibility, epoch, lease, group, lanes, priority..., what goes
--       back: texts of ids... (2: numbers of deliveries that never arrived, all of which goes back)
-- Answers: 0 ok (now), 1 gone
--!include ids.lua
--!include bits.lua
--!include queue.lua
--!include hand.lua
--!include group.lua
local consumer, what, lane_count = ARGV[1], ARGV[2], tonumber(ARGV[7])
local HAND = KEYS[15]
if what == '2' and call('HEXISTS', LEASE, consumer) == 0 then return {1, now} end
local lanes = {}
for i = 1, lane_count do lanes[tonumber(ARGV[7 + i])] = KEYS[15 + i] end
local goes = {} -- ids, or deliveries
for i = 8 + lane_count, #ARGV do
  for _, name in ipairs(what == '2' and {ARGV[i]} or split(ARGV[i])) do goes[name] = true end
end
local back, hand = {}, call('HGETALL', HAND)
for i = 1, #hand, 2 do
  local stays = {}
  for _, id in ipairs(split(hand[i + 1])) do
    local list = goes[what == '2' and hand[i] or id] and lanes[priority_of(id)] and back or stays
    list[#list + 1] = id
  end
  if #stays * ID < #hand[i + 1] then set_delivery(HAND, hand[i], table.concat(stays)) end
end
table.sort(back, function(a, b) return a > b end) -- newest first, so that the oldest ends up in front
for _, id in ipairs(back) do
  call('ZREM', UNTIL, consumer .. '|' .. id)
  requeue(id, lanes)
end
local returned = #back
if returned > 0 then
  call('HINCRBY', META, 'd:' .. ARGV[6], -returned)
  leave_token()
end
if what == '1' then
  -- What was handed out may still be settled, until its time is over.
  for _, id in ipairs(split_all(call('HVALS', HAND))) do
    call('ZADD', UNTIL, 'NX', now + tonumber(ARGV[3]), consumer .. '|' .. id)
  end
  call('HDEL', LEASE, consumer)
  if call('EXISTS', DUE) == 1 then leave_token() end -- it may have been the one that knew when to look
  call('HSET', META, 'seen:' .. ARGV[6], now)
elseif what == '2' then
  call('HSET', LEASE, consumer, ARGV[4] .. ' ' .. ARGV[5] .. ' ' .. now)
end
return {0, now}
