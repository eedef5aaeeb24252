-- A generation that ends with '!' says that deliveries of the queue, or of a group of it, are paused. Whoever fetches
-- passes the generation: a fetch without the mark need not look.
local function marked(generation)
  return call('HEXISTS', META, 'paused') == 1 and generation .. '!' or generation
end
