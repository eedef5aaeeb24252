#!lua flags=allow-oom
-- A group remembers keys as worked off; those whose time is over go.
-- KEYS: done   ARGV: how long, key...
local call = redis.call
local clock = call('TIME')
local now, window = clock[1] * 1000 + math.floor(clock[2] / 1000), tonumber(ARGV[1])
call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local entries = {}
for i = 2, #ARGV do entries[#entries + 1], entries[#entries + 2] = now + window, ARGV[i] end
call('ZADD', KEYS[1], unpack(entries))
if call('PTTL', KEYS[1]) < window then call('PEXPIRE', KEYS[1], window) end
return now
