#!lua flags=allow-oom
-- Ends a publish whose records went into the queue beside the script: of one that was refused they leave it again.
-- KEYS: queue (1-8)   ARGV: slot, first id, all its ids
--!include ids.lua
--!include queue.lua
call('HDEL', MSG, BULKY)
local gone = call('HGET', META, 'undo')
if gone then
  call('HDEL', META, 'undo')
else
  -- Where the script before failed half-way it said nothing: the slot does not know the batch then.
  local first = (call('HGET', META, 's:' .. ARGV[1]) or ''):match('^%d+ (%S+)')
  gone = first == ARGV[2] and '' or ARGV[3]
end
if gone ~= '' then call('HDEL', MSG, unpack(split(gone))) end
return now
