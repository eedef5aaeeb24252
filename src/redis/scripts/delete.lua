#!lua flags=allow-oom
-- Removes a message for every group. The hands that have it lose it, so that an ack finds nothing, and whoever holds it
-- finds it among the deleted ones.
-- KEYS: queue (1-8), LATER, DELETED, KEPT, KEPT_BY, KEPT_LOG, then leases, dues, tries of the groups, hands, what is void
--       without messages...
-- ARGV: id, generation, ms that it is kept among the deleted, groups, hands, then of each hand: group (1, 2, ...), consumer
-- Answers: now, 1 removed, 0 not there, 2 there are groups or consumers besides those (nothing is done); how much is in the
--          trash
--!include ids.lua
--!include bits.lua
--!include queue.lua
--!include removal.lua
--!include hand.lua
--!include free_key.lua
--!include trace.lua
local LATER, DELETED, KEPT, KEPT_BY, KEPT_LOG = unpack(KEYS, 9, 13)
--!include kept.lua
local id, kept, groups, hands = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
if (call('HGET', META, 'gen') or '') ~= ARGV[2] then return {now, 2} end
local known = {}
for i = 1, hands do known[ARGV[4 + 2 * i] .. '|' .. ARGV[5 + 2 * i]] = true end
for g = 1, groups do
  for _, consumer in ipairs(call('HKEYS', KEYS[13 + g])) do
    if not known[g .. '|' .. consumer] then return {now, 2} end
  end
end
free_key(id, call('HGET', MSG, id) or call('HGET', KEPT, id))
local was_kept = call('HEXISTS', KEPT, id) == 1
if was_kept then forget_kept({id}) end
local removed, held = drop_message(id), false
if removed then
  count_tombstones(1)
  leave_trace({id}, 'd')
  note_loss()
end
call('ZREM', LATER, id)
for g = 1, groups do
  call('ZREM', KEYS[13 + groups + g], priority_of(id) .. '|' .. id)
  call('HDEL', KEYS[13 + 2 * groups + g], id)
end
local base = 13 + 3 * groups
for i = 1, hands do held = let_go_anywhere(KEYS[base + i], id) or held end
if removed and held then
  call('ZREMRANGEBYSCORE', DELETED, '-inf', now - kept)
  call('ZADD', DELETED, now, id)
  call('PEXPIRE', DELETED, kept)
end
if removed and call('EXISTS', MSG) == 0 then -- nothing but tombstones is left in the lanes
  for i = base + hands + 1, #KEYS do call('DEL', KEYS[i]) end
end
return {now, (removed or was_kept) and 1 or 0, call('LLEN', TRASH)}
