-- A field of a record (docs/wire-format.md); nil where it has none of that tag.
local function field_of(record, wanted)
  local at = 2
  while true do
    local tag, length, scale = record:sub(at, at), 0, 1
    if tag == '=' or tag == '@' or tag == '' then return nil end
    repeat
      at = at + 1
      local byte = record:byte(at) or 0
      length = length + byte % 128 * scale
      scale = scale * 128
    until byte < 128
    if tag == wanted then return record:sub(at + 1, at + length) end
    at = at + length + 2
  end
end
