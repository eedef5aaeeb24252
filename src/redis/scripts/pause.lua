#!lua flags=allow-oom
-- Pauses deliveries of a queue, or of a group of it, or resumes them: then each group has a token, so that whoever waits
-- looks at once.
-- KEYS: queue (1-8), wake list of each group
-- ARGV: generation, new generation, field (pause:* of the queue, pause:<group>), value ('' resumes)
-- Answers: now, state (0 done, 1 there is no queue, 2 generation: gen, lanes, groups)
--!include queue.lua
--!include generation.lua
local field, value = ARGV[3], ARGV[4]
local meta = call('HMGET', META, 'gen', 'lanes', 'groups', field)
if not meta[1] then return {now, 1} end
if meta[1] ~= ARGV[1] then return {now, 2, meta[1], meta[2] or '', meta[3] or ''} end
if (meta[4] or '') == value then return {now, 0} end
if value ~= '' then
  if call('HSET', META, field, value) == 1 then call('HINCRBY', META, 'paused', 1) end
else
  call('HDEL', META, field)
  if call('HINCRBY', META, 'paused', -1) <= 0 then call('HDEL', META, 'paused') end
  for i = 9, #KEYS do
    if call('EXISTS', KEYS[i]) == 0 then call('RPUSH', KEYS[i], '1') end
  end
end
call('HSET', META, 'gen', marked(ARGV[2]))
return {now, 0}
