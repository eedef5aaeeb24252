-- The batch is stored: the slot's first id, the count, and the records that follow the script.
call('HSET', META, slot, connection .. ' ' .. first .. ' ' .. now)
call('HINCRBY', META, 'c:published', total == 1 and '1' or total) -- a number takes long to write
if beside then
  --!include open.lua
end
