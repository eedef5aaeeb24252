-- A group that was sought has another ordinal since; who did not hear of it yet names the old one.
local groups = '/' .. (call('HGET', META, 'groups') or '')
local _, to = groups:find('/' .. group .. ':', 1, true)
ordinal = to and tonumber(groups:match('^%d+', to + 1)) or ordinal
