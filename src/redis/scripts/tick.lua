#!lua flags=allow-oom
-- Renews leases and looks at sources that nobody fetches from, many in one call (on one server).
-- KEYS: for each source: lease, wake, due, until, expiry, meta, hand, lanes...
-- ARGV: for each source: consumer, epoch, lease, delivery whose answer it awaits (0: none), lanes
-- Answers: now, then for each source: state (0 ok, 1 gone, 2 something to fetch, 3 a deadline passed, 4 both),
--          maintenance is due (0, 1), leases of others: name, value..., what should have come long ago (0 nothing,
--          1 a token that lay there, 2 the delivery), it is paused (0, 1)
local call = redis.call
local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local answer, key = {now}, 0
for at = 1, #ARGV, 5 do
  local consumer, epoch, value, awaited, lanes = unpack(ARGV, at, at + 4)
  lanes = tonumber(lanes)
  local LEASE, WAKE, DUE, UNTIL, EXPIRY, META, HAND = unpack(KEYS, key + 1, key + 7)
  local lease = call('HGET', LEASE, consumer)
  local state, others, late, paused = 0, {}, 0, 0
  local meta = call('HMGET', META, 'maint', 'gen')
  if not lease or lease:match('^%d+') ~= epoch then
    state = 1
  else
    -- Behind the random part: when it last fetched.
    local fetched = lease:match(':(%d+) ') or lease:match('(%d+)$') or '0'
    call('HSET', LEASE, consumer, epoch .. ' ' .. value .. ':' .. fetched .. ' ' .. now)
    if #(meta[2] or '') > 16 then -- lib/generation.lua
      local pauses = call('HMGET', META, 'pause:*', 'pause:' .. WAKE:match('([^:]*):wake$'))
      if pauses[1] or pauses[2] then paused = 1 end
    end
    for i = 1, lanes do
      if call('EXISTS', KEYS[key + 7 + i]) == 1 then
        state = 2
        break
      end
    end
    local due = call('ZRANGE', DUE, 0, 0, 'WITHSCORES')[2]
    if due and tonumber(due) <= now then state = 2 end
    if paused == 1 then state = 0 end
    if state == 2 then
      if call('EXISTS', WAKE) == 1 then late = 1 else call('RPUSH', WAKE, '1') end
    end
    if awaited ~= '0' and call('HEXISTS', HAND, awaited) == 1 then late = 2 end
    local deadline = call('ZRANGE', UNTIL, 0, 0, 'WITHSCORES')[2]
    if deadline and tonumber(deadline) <= now then state = state == 2 and 4 or 3 end
    local consumers = call('HLEN', LEASE)
    if consumers > 1 and consumers <= 1000 then others = call('HGETALL', LEASE) end
  end
  local expiry = call('ZRANGE', EXPIRY, 0, 0, 'WITHSCORES')[2]
  local maintained = tonumber(meta[1] or 0)
  local is_due = (expiry and tonumber(expiry) <= now and now - maintained >= 1000) or now - maintained >= 60000
  answer[#answer + 1] = {state, is_due and 1 or 0, others, late, paused}
  key = key + 7 + lanes
end
return answer
