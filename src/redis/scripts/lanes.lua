#!lua
-- Adds lanes to a queue, under a new generation; makes the queue's meta where there is none.
-- KEYS: queue (1-8)   ARGV: new generation, is log, priority...
-- Answers: 0, now, generation, lanes, groups, meta is new
--!include queue.lua
--!include generation.lua
local meta = call('HMGET', META, 'gen', 'lanes', 'groups')
local known, list, changed = {}, {}, not meta[1]
for lane in (meta[2] or ''):gmatch('%d+') do
  known[lane] = true
  list[#list + 1] = tonumber(lane)
end
for i = 3, #ARGV do
  if not known[ARGV[i]] then
    known[ARGV[i]] = true
    list[#list + 1] = tonumber(ARGV[i])
    changed = true
  end
end
if not changed then return {0, now, meta[1], meta[2] or '', meta[3] or '', 0} end
table.sort(list, function(a, b) return a > b end)
local lanes = table.concat(list, ',')
local groups = meta[3] or (ARGV[2] == '1' and '' or '-:-1')
local generation = marked(ARGV[1])
call('HSET', META, 'gen', generation, 'lanes', lanes, 'groups', groups)
return {0, now, generation, lanes, groups, meta[1] and 0 or 1}
