#!lua flags=allow-oom
-- Removes a deduplication key that a script gave back, where it is still that message's, and its entry in the trash.
-- KEYS: TRASH, the key   ARGV: id, entry
if (redis.call('GET', KEYS[2]) or ''):match('^%S+') == ARGV[1] then redis.call('UNLINK', KEYS[2]) end
return redis.call('LREM', KEYS[1], 0, ARGV[2])
