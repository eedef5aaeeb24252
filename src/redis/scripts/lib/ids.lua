-- Many ids travel and are kept as one text, 16 characters each: to a script it is as dear as one id.
local ID = 16

local function split(ids)
  local list = {}
  for at = 1, #ids, ID do list[#list + 1] = ids:sub(at, at + ID - 1) end
  return list
end

local function split_all(texts)
  local list = {}
  for _, ids in ipairs(texts) do
    if #ids % ID == 0 then
      for at = 1, #ids, ID do list[#list + 1] = ids:sub(at, at + ID - 1) end
    end
  end
  return list
end

-- Where ids (one, or several in a row) begin in a text of ids; nil where they are not in it like that.
local function place_of(some, ids)
  local at = ids:find(some, 1, true)
  while at and at % ID ~= 1 do at = ids:find(some, at + 1, true) end
  return at
end

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
