#!lua flags=allow-oom
-- What became of a message that somebody waits for. While it is there its entry is renewed (lib/trace.lua), so that
-- whatever ends it leaves a trace.
-- KEYS: queue (1-8), tries of each group
-- ARGV: generation, id, who comes (1 the first look of a waiter, 0 another one, -1 it goes), group...
-- Answers: now, g(eneration: gen, lanes, groups) q(ueued, or anything else that is no end) a(cked) x (dead) e(xpired)
--          d(eleted) n(othing is known)
--!include bits.lua
--!include queue.lua
local id, comes = ARGV[2], tonumber(ARGV[3])
local field = 'w:' .. id
local meta = call('HMGET', META, 'gen', 'lanes', 'groups', field, 'lost')
if (meta[1] or '') ~= ARGV[1] then return {now, 'g', meta[1] or '', meta[2] or '', meta[3] or ''} end
local entry = meta[4]
local waiters, expires, trace = (entry or ''):match('^(%d+) %S+ (%S+) ?(%a?)$')
waiters = math.max(0, tonumber(waiters or 0) + comes)
if comes < 0 then
  if waiters == 0 then
    call('HDEL', META, field)
  elseif entry then
    call('HSET', META, field, waiters .. entry:match('^%d+(.*)$'))
  end
  return {now, 'q'}
end
for g = 4, #ARGV do
  if call('HEXISTS', DEAD, id .. '~' .. ARGV[g]) == 1 then return {now, 'x'} end
end
if call('HEXISTS', MSG, id) == 1 then
  expires = call('ZSCORE', EXPIRY, id) or '-'
  call('HSET', META, field, math.max(1, waiters) .. ' ' .. now .. ' ' .. expires)
  for i = 9, #KEYS do call('HSET', KEYS[i], '?', now) end
  return {now, 'q'}
end
if trace and trace ~= '' then return {now, trace} end
if entry then
  -- Settled by a group that came since the last look, where nothing was lost in any other way; else it ran out, or had to
  -- make room.
  if tonumber(meta[5] or 0) < tonumber(entry:match('^%d+ (%d+)')) then return {now, 'a'} end
  return {now, tonumber(expires) and tonumber(expires) <= now and 'e' or 'd'}
end
-- It ended before anybody asked. Where nothing was lost in any other way since it was published somebody has settled it.
local acked = 0
for g = 4, #ARGV do acked = acked + tonumber(call('HGET', META, 'a:' .. ARGV[g]) or 0) end
if acked > 0 and time_of(id) > tonumber(meta[5] or 0) + 1000 then return {now, 'a'} end
return {now, 'n'}
