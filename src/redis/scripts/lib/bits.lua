-- What is in an id (docs/wire-format.md).

-- 6 bits of an id's character; an id's ninth bit of the lane says that its payload is a blob.
local function sixbits(byte)
  if byte == 45 then return 0 end
  if byte <= 57 then return byte - 47 end
  if byte <= 90 then return byte - 54 end
  if byte == 95 then return 37 end
  return byte - 59
end
local function priority_of(id)
  return (sixbits(id:byte(8) or 45) * 64 + sixbits(id:byte(9) or 45)) % 256
end
local function time_of(id) -- ms
  local time = 0
  for i = 1, 7 do time = time * 64 + sixbits(id:byte(i)) end
  return time
end
local function is_blob(id)
  return sixbits(id:byte(8) or 45) >= 4
end
local function is_id(text)
  return #text == 16 and not text:find('[^-0-9A-Z_a-z]')
end
