#!lua flags=allow-oom
-- Tells listeners what a batch has stored, behind the call that stores it: where it did not, nobody is told.
-- KEYS: queue (1-8)   ARGV: slot, first id of the batch, channel, then what is told of each message
-- Answers: 0, now, how many heard each; 1, now: it is not stored, or no longer the last of its slot
--!include queue.lua
local stored = (call('HGET', META, 's:' .. ARGV[1]) or ''):match('^%d+ (%S+)')
if stored ~= ARGV[2] then return {1, now} end
local answer = {0, now}
for i = 4, #ARGV do answer[i - 1] = call('PUBLISH', ARGV[3], ARGV[i]) end
return answer
