-- A message that was taken and not settled: its next attempt, or the dead letters where there is none. kind: 'lapse' or
-- 'crash'; blobs: id -> {its blob's key, the dead letter's}. Answers whether it is dead.
local function bounce(id, group, ordinal, kind, suspect, consumer, lanes, blobs)
  local f, l, c, _, account = read_tries(id)
  local record = call('HGET', MSG, id)
  if not record then return false end
  if kind == 'lapse' then
    l, account = l + 1, note_attempt(account, 'l', group, consumer, 'its reservation lapsed')
  elseif kind == 'crash' then
    c, account = c + 1, note_attempt(account, 'c', group, consumer, 'its consumer died')
  elseif suspect == 1 then
    account = note_attempt(account, 's', group, consumer, 'its consumer died with others in hand')
  end
  -- How many deliveries there are in all is the group's: who finds it lapsed may be anybody.
  if kind and f + l + c >= tonumber(call('HGET', META, 'try:' .. group) or 5) then
    if blobs[id] then move_blob(id, ordinal, blobs[id][1], blobs[id][2]) end
    bury(id, group, kind == 'crash' and 20 or 1, f, l, c, account, consumer, record, 10000)
    if ordinal < 0 then free_key(id, record) end
    release(id, ordinal, ordinal < 0)
    return true
  end
  if kind then call('HINCRBY', META, 'r:' .. group, 1) end
  if kind or suspect == 1 then write_tries(id, f, l, c, suspect, account) end
  requeue(id, lanes)
  return false
end
