-- What was set apart waits in the groups' due sets; a token where somebody has to look, or to look earlier than it thought.
for g = 0, groups - 1 do
  local due_set, wake = KEYS[dues + g + 1], KEYS[base + g * stride + 1]
  local first = call('ZRANGE', due_set, 0, 0, 'WITHSCORES')[2]
  if #entries > 0 then call('ZADD', due_set, unpack(entries)) end
  if any or not first or earliest < tonumber(first) then
    if call('EXISTS', wake) == 0 then call('RPUSH', wake, '1') end
  end
end
if is_log and #later > 0 then -- groups that come later ask when
  call('ZREMRANGEBYSCORE', LATER, '-inf', now)
  call('ZADD', LATER, unpack(later))
end
