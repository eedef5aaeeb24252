-- Somebody waits to hear what becomes of a message (await.lua): the field w:<id> of the meta is its entry, '?' among the
-- tries of each group says that there are some. What settles or deletes such a message leaves a trace there.
local function is_awaited()
  local since = call('HGET', TRIES, '?')
  if since and now - tonumber(since) > 60000 then -- who asked is gone
    call('HDEL', TRIES, '?')
    return false
  end
  return since
end
local function leave_trace(ids, letter)
  local fields = {}
  for i, id in ipairs(ids) do fields[i] = 'w:' .. id end
  for i, entry in ipairs(call('HMGET', META, unpack(fields))) do
    if entry then call('HSET', META, fields[i], entry:match('^%S+ %S+ %S+') .. ' ' .. letter) end
  end
end
