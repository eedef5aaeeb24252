-- A message that is deleted, or dead, gives its deduplication key back. The key can't be declared by a script that finds it
-- in the record: its name goes to the trash with the id that took it, where publishing sees that it is free (repeats.lua)
-- until the next client has removed both (release.lua).
local function free_key(id, record)
  local at = 2
  while record do
    local tag, length, scale = record:sub(at, at), 0, 1
    if tag == '=' or tag == '@' or tag == '' then return end
    repeat
      at = at + 1
      local byte = record:byte(at) or 0
      length = length + byte % 128 * scale
      scale = scale * 128
    until byte < 128
    if tag == 'u' then
      call('RPUSH', TRASH, id .. ' dedup:' .. record:sub(at + 1, at + length))
      return
    end
    at = at + length + 2
  end
end
