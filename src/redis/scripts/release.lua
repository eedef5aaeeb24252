#!lua flags=allow-oom
-- Removes what an entry of the trash names, and the entry: a deduplication key where it is still that message's, a payload
-- where no message of that id is there or kept.
-- KEYS: TRASH, what it names, MSG, KEPT   ARGV: entry, id, what it is (key, blob)
local call = redis.call
local id, needed = ARGV[2]
if ARGV[3] == 'key' then
  needed = (call('GET', KEYS[2]) or ''):match('^%S+') ~= id
else
  needed = call('HEXISTS', KEYS[3], id) == 1 or call('HEXISTS', KEYS[4], id) == 1
end
if not needed then call('UNLINK', KEYS[2]) end
return call('LREM', KEYS[1], 0, ARGV[1])
