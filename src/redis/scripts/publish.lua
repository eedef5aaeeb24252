#!lua
-- Stores a batch in a queue, whole or not at all. Many records travel beside the script (open.lua): Lua would copy each of
-- them four times.
-- KEYS: queue (1-8), the blobs, then for each group its wake list and its lanes (in the order of the lane arguments);
--       where records are beside: OPEN
-- ARGV: generation, slot, connection number, what is before in the slot, first id, max_items, drop oldest (a log always does), is log,
--       blobs, groups, lanes, expiring, beside, then: lanes: priority, ids; records (none where they are beside);
--       expiry: time, id, ...; the bits of all groups (a log's)
-- Answers: code, now, ...   0 stored (dropped)  1 stored before  2 generation (gen, lanes, groups)  3 full
--          4 a late copy  5 slot taken  6 a blob is gone  7 what is to be before is not stored
-- What is before: 1 nothing, a fresh slot; 0 any batch; an id: the batch that it begins, sent in the same round trip.
--!include ids.lua
--!include queue.lua
--!include judge.lua
--!include store.lua
--!include push.lua
for g = 0, groups - 1 do
  local wake = KEYS[base + g * stride + 1]
  if call('EXISTS', wake) == 0 then call('RPUSH', wake, '1') end
end
--!include stored.lua
return {0, now, dropped}
