-- Prepended to the scripts about a whole room. KEYS: 6 of the room, then 9 for each lane in the order of the lane names,
-- which end ARGV. ARGV[1] is the number of lanes. Times are milliseconds of the store's clock.
local LANES = tonumber(ARGV[1])
local META, REPORTS, CONTROL, PRESENCE, SCRATCH0, SCRATCH1 = unpack(KEYS, 1, 6)

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function lane_name(lane)
  return ARGV[#ARGV - LANES + lane]
end

-- Keys of a lane: outstanding calls by deadline, claims (number -> "ms pool"), claims by time, returners,
-- bitmaps of gone and missed tickets, two bitmaps of presence, samples of joining times.
local CALLED, CLAIMS, CLAIMED, RETURNING, GONE, MISSED, SEEN0, SEEN1, JOINS = 1, 2, 3, 4, 5, 6, 7, 8, 9

local function key(lane, which)
  return KEYS[6 + (lane - 1) * 9 + which]
end

local function counter(name, lane)
  return tonumber(redis.call('HGET', META, name .. ':' .. lane_name(lane)) or 0)
end

local function add(name, lane, by)
  return redis.call('HINCRBY', META, name .. ':' .. lane_name(lane), by)
end

-- Whether people wait for an opening: then nobody above first:LANE is called, and nobody let in at once.
local function prequeue()
  return redis.call('HGET', META, 'cohort_opened') == '0'
end

-- Whether `owner` holds the lease under this fence: what was decided before the lease changed hands has no effect.
local function leads(owner, fence, now)
  local held = redis.call('HMGET', META, 'owner', 'fence', 'held_until')
  return held[1] == owner and held[2] == fence and tonumber(held[3] or 0) > now
end
