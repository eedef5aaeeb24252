#!lua flags=allow-oom
-- A publishing slot goes on over another connection: from now on a late copy of a call under a lower number is refused.
-- KEYS: queue (1-8)   ARGV: slot, connection number
-- Answers: 0, now, first id of the last stored batch ('' where the slot is gone)
--!include queue.lua
local slot = 's:' .. ARGV[1]
local number, first = (call('HGET', META, slot) or ''):match('^(%d+) (%S+)')
call('HSET', META, slot, ARGV[2] .. ' ' .. (first or '-') .. ' ' .. now)
return {0, now, first or ''}
