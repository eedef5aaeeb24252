-- Many records enter or leave a queue by native commands that follow a script in its transaction. Meanwhile the queue's
-- records have another name, the last of KEYS, and only a script that agreed gives it to them: what follows one that
-- refused, failed, or was not known to the server meets nothing of the queue. The same script, without arguments, ends it
-- (close.lua): so there is none that opens and can't close.
if call('HSET', META, 'open', '1') == 1 then -- else it is still open: what is there is the queue's
  if call('EXISTS', MSG) == 1 then
    call('RENAME', MSG, KEYS[#KEYS])
  else
    call('DEL', KEYS[#KEYS])
    call('HSET', KEYS[#KEYS], string.rep('-', 512), '') -- a table from the start (records.lua)
  end
end
