-- Ends what open.lua began.
call('HDEL', KEYS[#KEYS], string.rep('-', 512))
if call('HDEL', META, 'open') == 0 then
  call('UNLINK', KEYS[#KEYS])
elseif call('EXISTS', KEYS[#KEYS]) == 1 then
  call('RENAME', KEYS[#KEYS], MSG)
end
