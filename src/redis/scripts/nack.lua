#!lua flags=allow-oom
-- Gives a message back: due later, or to the dead letters.
-- KEYS: group (1-14), hand, lane of the message, its blob, the dead letter's blob
-- ARGV: consumer, group, ordinal, id, delivery, permanent, delay, attempts, status, dead letters kept, reason
-- Answers: now, 'o' due again, 'd' dead, 's' stale, 'n' not found
--!include ids.lua
--!include bits.lua
--!include queue.lua
--!include removal.lua
--!include hand.lua
--!include group.lua
--!include dead.lua
--!include free_key.lua
local consumer, group, ordinal, id = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local HAND, LANE, BLOB, DEAD_BLOB = KEYS[15], KEYS[16], KEYS[17], KEYS[18]
if not holds(HAND, ARGV[5], id) then
  return {now, still_needed(id, ordinal) and 's' or 'n'}
end
local record = call('HGET', MSG, id) or (not is_id(id) and id) -- somebody's RPUSH of as many bytes as ids have
local f, l, c, _, account = read_tries(id)
call('ZREM', UNTIL, consumer .. '|' .. id)
if not record then
  let_go(HAND, ARGV[5], id)
  return {now, 'n'}
end
f = f + 1
account = note_attempt(account, ARGV[9] ~= '0' and 'r' or ARGV[6] == '1' and 'p' or 'f', group, consumer, ARGV[11])
if ordinal >= 0 and not has_bit(call('HGET', REFS, id), ordinal) then
  --!include ordinal_now.lua
end
if ARGV[6] == '1' or f + l + c >= tonumber(ARGV[8]) then
  local status = tonumber(ARGV[9])
  move_blob(id, ordinal, BLOB, DEAD_BLOB)
  bury(id, group, status, f, l, c, account, consumer, record, tonumber(ARGV[10]))
  if ordinal < 0 then free_key(id, record) end
  if status == 13 then call('HINCRBY', META, 'c:corrupt', 1) end
  release(id, ordinal, ordinal < 0)
  let_go(HAND, ARGV[5], id)
  return {now, 'd'}
end
local delay = tonumber(ARGV[7])
write_tries(id, f, l, c, 0, account)
call('HINCRBY', META, 'r:' .. group, 1)
if delay > 0 then
  local first = call('ZRANGE', DUE, 0, 0, 'WITHSCORES')[2]
  call('ZADD', DUE, now + delay, priority_of(id) .. '|' .. id)
  if not first or now + delay < tonumber(first) then leave_token() end -- somebody has to look earlier than it thought
else
  call('LPUSH', LANE, id)
  leave_token()
end
let_go(HAND, ARGV[5], id)
return {now, 'o'}
