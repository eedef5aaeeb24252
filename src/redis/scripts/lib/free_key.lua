-- A message that is deleted, or dead, gives its deduplication key back. The key can't be declared by a script that finds it
-- in the record: its name goes to the trash with the id that took it, where publishing sees that it is free (repeats.lua)
-- until the next client has removed both (release.lua).
--!include record.lua
local function free_key(id, record)
  local key = record and field_of(record, 'u')
  if key then call('RPUSH', TRASH, id .. ' dedup:' .. key) end
end
