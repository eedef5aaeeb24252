#!lua flags=allow-oom
-- Leaves a token for who waits, also where the server is out of memory: whoever consumes makes room.
-- KEYS: the list that is waited on   ARGV: seconds that it stays, 0: for good
redis.call('RPUSH', KEYS[1], '1')
if ARGV[1] ~= '0' then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return 0
