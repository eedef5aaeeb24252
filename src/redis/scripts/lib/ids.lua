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
