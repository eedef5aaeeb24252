-- A consumer's hand is a hash: the number of a delivery -> the ids of it that are not settled.
local function set_delivery(hand, delivery, ids)
  if ids == '' then
    redis.call('HDEL', hand, delivery)
  else
    redis.call('HSET', hand, delivery, ids)
  end
end
local function holds(hand, delivery, id)
  local ids = redis.call('HGET', hand, delivery)
  return ids and place_of(id, ids) ~= nil
end
-- Takes ids that follow each other in a delivery out of it; false, and nothing is changed, where they are not there.
local function let_go(hand, delivery, some)
  local ids = redis.call('HGET', hand, delivery)
  local at = ids and place_of(some, ids)
  if not at then return false end
  set_delivery(hand, delivery, ids:sub(1, at - 1) .. ids:sub(at + #some))
  return true
end
-- The same for who does not know the delivery.
local function let_go_anywhere(hand, id)
  local all = redis.call('HGETALL', hand)
  for i = 1, #all, 2 do
    if place_of(id, all[i + 1]) then return let_go(hand, all[i], id) end
  end
  return false
end
