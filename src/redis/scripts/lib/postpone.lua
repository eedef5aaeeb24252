-- Sets apart what is due later: `when` says of each such id when that is.
local dues = base + groups * stride -- keys before those of the due sets
local LATER = KEYS[dues + groups + 1]
local entries, later, earliest, any = {}, {}, math.huge, false
for i = 1, lanes do
  local priority, ready = ARGV[12 + 2 * i], {}
  for _, id in ipairs(split(ARGV[13 + 2 * i])) do
    local due = when[id]
    if due then
      entries[#entries + 1], entries[#entries + 2] = due, priority .. '|' .. id
      later[#later + 1], later[#later + 2] = due, id
      earliest = math.min(earliest, due)
    else
      ready[#ready + 1] = id
      any = true
    end
  end
  ARGV[13 + 2 * i] = table.concat(ready) -- what goes into the lane at once
end
