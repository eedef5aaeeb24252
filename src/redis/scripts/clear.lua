#!lua flags=allow-oom
-- Removes all messages and dead letters of a queue; never the counters that ids and slots rest on.
-- KEYS: queue (1-8), KEPT, every other key that holds ids   Answers: now, messages removed
--!include queue.lua
local count = call('HLEN', MSG) + call('HLEN', KEYS[9])
for i = 2, #KEYS do
  if i ~= 8 then call('UNLINK', KEYS[i]) end
end
call('HDEL', META, 'void')
call('HINCRBY', META, 'cleared', 1) -- deduplication keys that were taken before are free
if call('EXISTS', META) == 1 then call('HSET', META, 'lost', now) end
return {now, count}
