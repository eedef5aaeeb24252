#!lua flags=allow-oom
-- Removes a dead letter.   KEYS: queue (1-8), its blob   ARGV: name   Answers: now, 1 removed or 0
--!include queue.lua
call('ZREM', DEAD_BY, ARGV[1])
call('UNLINK', KEYS[9])
return {now, call('HDEL', DEAD, ARGV[1])}
