-- An inbox' entries hold up to 128 ids each; a log's, which drops its oldest from the head, one.
local size = is_log and ID or 128 * ID
for i = 1, lanes do
  local ids, entries = ARGV[13 + 2 * i], {}
  for at = 1, #ids, size do entries[#entries + 1] = ids:sub(at, at + size - 1) end
  for g = 0, groups - 1 do
    if #entries > 0 then call('RPUSH', KEYS[base + g * stride + 1 + i], unpack(entries)) end
  end
end
