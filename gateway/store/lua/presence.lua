-- presence(most blocks): counts who is present behind the serving number of each lane and stores the profile as JSON,
-- {lane: [first number, numbers per block, first number not counted, [present per block]]}; returns the number of blocks.
local most, profile, blocks = tonumber(ARGV[2]), {}, 0
for lane = 1, LANES do
  local first, issued = counter('serving', lane) + 1, counter('issued', lane)
  if issued >= first then
    local size = math.ceil((issued - first + 1) / most)
    redis.call('BITOP', 'OR', SCRATCH0, key(lane, SEEN0), key(lane, SEEN1))
    redis.call('BITOP', 'AND', SCRATCH1, SCRATCH0, key(lane, GONE))
    local counts = {}
    for from = first, issued, size do
      local last = math.min(from + size - 1, issued)
      local here = redis.call('BITCOUNT', SCRATCH0, from, last, 'BIT')
      counts[#counts + 1] = here - redis.call('BITCOUNT', SCRATCH1, from, last, 'BIT')
    end
    profile[lane_name(lane)] = {first, size, issued + 1, counts}
    blocks = blocks + #counts
  end
end
redis.call('UNLINK', SCRATCH0, SCRATCH1)
redis.call('SET', PRESENCE, blocks > 0 and cjson.encode(profile) or '{}')
return blocks
