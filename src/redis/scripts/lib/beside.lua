-- Many records enter or leave a queue by native commands that follow a script in its transaction. Meanwhile the queue's
-- records have another name, the last of KEYS, and only a script that agreed gives it to them: what follows one that
-- refused, failed, or was not known to the server meets nothing of the queue. The same script, without arguments, ends it:
-- so there is none that opens and can't close.
local OPEN = KEYS[#KEYS]

local function open()
  if call('HSET', META, 'open', '1') == 0 then return end -- still open: what is there is the queue's
  if call('EXISTS', MSG) == 1 then
    call('RENAME', MSG, OPEN)
  else
    call('DEL', OPEN)
    call('HSET', OPEN, BULKY, '')
  end
end

local function close()
  call('HDEL', OPEN, BULKY)
  if call('HDEL', META, 'open') == 0 then
    call('UNLINK', OPEN)
  elseif call('EXISTS', OPEN) == 1 then
    call('RENAME', OPEN, MSG)
  end
  return now
end
