-- A fetch that looks at each id: what is gone or over is passed over, a suspect is taken alone.
--!include bits.lua
local has_expiry, has_skip, bytes = call('EXISTS', EXPIRY) == 1, ordinal >= 0 and call('EXISTS', SKIP) == 1, 0
has_tries = call('EXISTS', TRIES) == 1

local function takes(id, record)
  if not record and not is_id(id) then
    foreign[#foreign + 1] = {id}
    return false
  end
  if not record then -- deleted, or acked early
    if has_tries then call('HDEL', TRIES, id) end
    return false
  end
  if has_skip and call('SREM', SKIP, id) == 1 then return false end
  local at = has_expiry and call('ZSCORE', EXPIRY, id)
  if at and tonumber(at) <= now then
    expired[#expired + 1] = id
    return false
  end
  return true
end

choose = function(lane, ids)
  local stop = #ids -- how many of them are looked at
  if probe then
    for k = 1, #ids do
      bytes = bytes + call('HSTRLEN', MSG, ids[k]) + (is_blob(ids[k]) and 262144 or 0)
      if bytes > byte_bound and (k > 1 or count > 0) then
        stop, bounded = k - 1, true
        break
      end
    end
  end
  local found = stop > 0 and call('HMGET', MSG, unpack(ids, 1, stop)) or {}
  for k = 1, stop do
    local id, tries = ids[k], false
    if takes(id, found[k]) then
      if has_tries then tries = call('HGET', TRIES, id) end
      local suspect = tries and tries:find('^%d+ %d+ %d+ 1 ')
      if suspect and (count > 0 or call('EXISTS', HAND) == 1) then
        stop, bounded, held_back = k - 1, true, count == 0 -- a suspect is fetched alone, into an empty hand
        break
      end
      count = count + 1
      taken[count], records[count], all_tries[count] = id, found[k], tries or ''
      room = room - 1
      bytes = bytes + (tries and #tries or 0) -- with its history
      if suspect or bytes > byte_bound then
        stop, bounded = k, true
        break
      end
    end
  end
  for k = #ids, stop + 1, -1 do call('LPUSH', lane, ids[k]) end
end
