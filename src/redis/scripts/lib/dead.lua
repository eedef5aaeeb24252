-- Attempts that failed, and what has no more of them.

-- Failures, lapses, crashes, suspect (0 or 1), account: why the last one failed, then the history.
local function read_tries(id)
  local text = call('HGET', TRIES, id)
  if not text then return 0, 0, 0, 0, '' end
  local f, l, c, s, account = text:match('^(%d+) (%d+) (%d+) (%d+) (.*)$')
  if not f then return 0, 0, 0, 0, '' end
  return tonumber(f), tonumber(l), tonumber(c), tonumber(s), account
end
local function write_tries(id, f, l, c, s, account)
  call('HSET', TRIES, id, string.format('%d %d %d %d ', f, l, c, s) .. account)
end
-- The account with an attempt more, how it ended being one letter (docs/wire-format.md). The last 16 are kept, of their
-- reasons what fits into 256 bytes of whole characters.
local function note_attempt(account, ended, group, consumer, reason)
  local short = reason
  if #short > 256 then
    local cut = 256
    while cut > 0 and math.floor(short:byte(cut + 1) / 64) == 2 do cut = cut - 1 end
    short = short:sub(1, cut)
  end
  local history = (account:match('%z.*') or '') .. '\0' .. now .. ' ' .. ended .. ' ' .. group .. '|' .. consumer .. '|' .. short
  local _, kept = history:gsub('%z', '')
  if kept > 16 then history = history:sub((history:find('%z', 2))) end
  return reason .. history
end

-- A dead letter keeps its blob under a name of its own; in a log others may still need the one that is there.
local function move_blob(id, ordinal, from, to)
  if is_blob(id) and call('EXISTS', from) == 1 then call(ordinal < 0 and 'RENAME' or 'COPY', from, to) end
end

-- A dead letter is named <id>~<group>, so that a repeated call writes the same one.
local alphabet = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz'
local function sixty_four(number, width)
  local text = ''
  for _ = 1, width do
    local digit = number % 64
    text = alphabet:sub(digit + 1, digit + 1) .. text
    number = math.floor(number / 64)
  end
  return text
end
local function bury(id, group, status, f, l, c, account, consumer, record, cap)
  if not is_id(id) then id = sixty_four(now, 7) .. '--' .. sixty_four(call('HINCRBY', META, 'c:foreign', 1), 7) end
  local name = id .. '~' .. group
  local head = string.format('%d %d %d %d %d %d %d\n', status, f, l, c, now, #account, #consumer)
  call('HSET', DEAD, name, head .. account .. consumer .. record)
  call('ZADD', DEAD_BY, now, name)
  call('HINCRBY', META, 'c:dead', 1)
  call('HSET', META, 'lost', now)
  local over = call('ZCARD', DEAD_BY) - cap
  if over > 0 then
    for _, old in ipairs(call('ZRANGE', DEAD_BY, 0, over - 1)) do
      call('HDEL', DEAD, old)
      call('ZREM', DEAD_BY, old)
      if is_blob(old) then call('RPUSH', TRASH, 'blob:' .. old) end
      call('HINCRBY', META, 'c:dead_dropped', 1)
    end
  end
end
