#!lua
-- Sends a dead letter back to the group that gave it up, as a new message.
-- KEYS: group (1-14), lane, the dead letter's blob, the new one
-- ARGV: dead letter's name, new id, generation, ordinal, max_items, expires (ttl from now, -1 never), keep its attempts
--       (0: it gets new ones)
-- Answers: 0 done, 1 not found, 2 generation (now, gen, lanes, groups), 3 full
--!include bits.lua
--!include queue.lua
--!include group.lua
local name, id, ordinal, max_items = ARGV[1], ARGV[2], tonumber(ARGV[4]), tonumber(ARGV[5])
local meta = call('HMGET', META, 'gen', 'lanes', 'groups')
if meta[1] ~= ARGV[3] then return {2, now, meta[1] or '', meta[2] or '', meta[3] or ''} end
local letter = call('HGET', DEAD, name)
if not letter then return {1, now} end
local head, f, l, c, account, consumer = letter:match('^(%d+ (%d+) (%d+) (%d+) %d+ (%d+) (%d+)\n)')
if not head then return {1, now} end
if ordinal < 0 and max_items > 0 and call('HLEN', MSG) >= max_items then return {3, now} end
local record = letter:sub(#head + tonumber(account) + tonumber(consumer) + 1)
if is_blob(id) and call('EXISTS', KEYS[16]) == 1 then call('RENAME', KEYS[16], KEYS[17]) end
call('HSET', MSG, id, record)
if tonumber(ARGV[6]) >= 0 then call('ZADD', EXPIRY, now + tonumber(ARGV[6]), id) end
if ordinal >= 0 then call('HSET', REFS, id, flip_bit('', ordinal)) end
if ARGV[7] == '1' then
  call('HSET', TRIES, id, f .. ' ' .. l .. ' ' .. c .. ' 0 ' .. letter:sub(#head + 1, #head + tonumber(account)))
end
call('RPUSH', KEYS[15], id)
leave_token()
call('HDEL', DEAD, name)
call('ZREM', DEAD_BY, name)
call('HINCRBY', META, 'c:replayed', 1)
return {0, now}
