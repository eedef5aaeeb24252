#!lua flags=allow-oom
-- A log's group begins anew, at another place: as a group that is new, under an ordinal of its own. What it had is nobody's
-- from here on; its old bits are cleared in steps (unref.lua), after those it gets now are set (copy.lua).
-- KEYS: group (1-14), DONE, hands..., lanes...
-- ARGV: generation, group, new generation, what it gets (0 nothing, 1 what comes from an id on), that id or the beginning of
--       it ('': all), then: consumer of each hand...
-- Answers: 0 done (now, generation, lanes, groups, old ordinal), 1 there are consumers besides those (nothing is done),
--          2 generation (now, gen, lanes, groups), 3 there is no such group
--!include queue.lua
--!include generation.lua
--!include group.lua
local group = ARGV[2]
local meta = call('HMGET', META, 'gen', 'lanes', 'groups')
if meta[1] ~= ARGV[1] then return {2, now, meta[1] or '', meta[2] or '', meta[3] or ''} end
local groups = '/' .. (meta[3] or '')
local from, to = groups:find('/' .. group .. ':', 1, true)
if not from then return {3, now} end
local old = groups:match('^%d+', to + 1)
local known = {}
for i = 6, #ARGV do known[ARGV[i]] = true end
for _, consumer in ipairs(call('HKEYS', LEASE)) do
  if not known[consumer] then return {1, now} end
end
for i = 9, #KEYS do
  if i ~= 13 and i ~= 14 then call('UNLINK', KEYS[i]) end -- all but the token and the leases
end
local ordinal = call('HINCRBY', META, 'next', 1) - 1
groups = (groups:sub(1, from - 1) .. groups:sub(to + #old + 1) .. '/' .. group .. ':' .. ordinal):sub(2)
local generation = marked(ARGV[3])
call('HSET', META, 'gen', generation, 'groups', groups, 'gone:' .. old, group .. ' 0')
if ARGV[4] == '1' then
  call('HSET', META, 'copy:' .. group, '+', 'from:' .. group, ARGV[5])
else
  call('HDEL', META, 'copy:' .. group, 'from:' .. group)
end
return {0, now, generation, meta[2] or '', groups, tonumber(old)}
