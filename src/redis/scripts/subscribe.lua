#!lua flags=allow-oom
-- Enters a consumer, and a log's group where it is new.
-- KEYS: group (1-14), KEPT_LOG
-- ARGV: consumer, lease, group, is log, what a new group gets of what is there (0 nothing, 1 what comes from an id on), new
--       generation, group ttl, attempts, that id or the beginning of it ('': all)
-- Answers: 0, now, generation, lanes, groups, meta is new, old leases (1: some are older than a minute), the group is
--          being filled (0, 1)
--!include queue.lua
--!include generation.lua
--!include group.lua
local group = ARGV[3]
local meta = call('HMGET', META, 'gen', 'lanes', 'groups', 'seen:' .. group, 'try:' .. group)
local generation, groups = meta[1], meta[3] or ''
if ARGV[4] == '1' then
  if not ('/' .. groups):find('/' .. group .. ':', 1, true) then
    local ordinal = call('HINCRBY', META, 'next', 1) - 1
    groups = (groups == '' and '' or groups .. '/') .. group .. ':' .. ordinal
    generation = marked(ARGV[6])
    call('HSET', META, 'gen', generation, 'lanes', meta[2] or '', 'groups', groups)
    if ARGV[5] == '1' and call('EXISTS', LOG, KEYS[15]) > 0 then
      call('HSET', META, 'copy:' .. group, '+', 'from:' .. group, ARGV[9])
    end
  end
  call('HSET', META, 'seen:' .. group, now, 'ttl:' .. group, ARGV[7])
elseif not generation then
  generation, groups = ARGV[6], '-:-1'
  call('HSET', META, 'gen', generation, 'lanes', '', 'groups', groups)
end
if meta[5] ~= ARGV[8] then call('HSET', META, 'try:' .. group, ARGV[8]) end
local old = 0
if call('HLEN', LEASE) <= 1000 then
  for _, lease in ipairs(call('HVALS', LEASE)) do
    local at = tonumber(lease:match('(%d+)$'))
    if at and now - at > 60000 then old = 1 end
  end
end
call('HSET', LEASE, ARGV[1], '1 ' .. ARGV[2] .. ' ' .. now)
return {0, now, generation, meta[2] or '', groups, meta[1] and 0 or 1, old, call('HEXISTS', META, 'copy:' .. group)}
