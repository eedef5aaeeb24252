#!lua flags=allow-oom
-- Gives a message in hand a deadline of its own.
-- KEYS: group (1-14), hand   ARGV: consumer, ordinal, id, delivery, visibility
-- Answers: now, 'o', 's' or 'n'
--!include ids.lua
--!include queue.lua
--!include group.lua
--!include hand.lua
if not holds(KEYS[15], ARGV[4], ARGV[3]) then
  return {now, still_needed(ARGV[3], tonumber(ARGV[2])) and 's' or 'n'}
end
call('ZADD', UNTIL, now + tonumber(ARGV[5]), ARGV[1] .. '|' .. ARGV[3])
leave_token() -- whoever waits learns of the new deadline
return {now, 'o'}
