-- What was stored takes its keys.
for _, key in ipairs(takes) do call('SET', key, taken[key] .. ' ' .. cleared, 'PX', window) end
tell_repeats()
