-- Whether a log's group had no consumer for its group_ttl. One that died alone has left its lease behind, for nobody watches
-- it: older than a minute it is none.
local function is_abandoned(group, lease)
  local times = call('HMGET', META, 'ttl:' .. group, 'seen:' .. group)
  local ttl, seen = tonumber(times[1] or 0), tonumber(times[2] or now)
  if ttl <= 0 or now - seen < ttl or call('HLEN', lease) > 1000 then return false end
  for _, value in ipairs(call('HVALS', lease)) do
    if now - tonumber(value:match('(%d+)$') or now) < math.max(ttl, 60000) then return false end
  end
  return true
end
