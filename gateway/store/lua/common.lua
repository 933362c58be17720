-- Prepended to every script. KEYS: meta, reports, control, then 9 keys for each lane in the order of
-- the lane names, which end ARGV. ARGV[1] is the number of lanes. Times are milliseconds of the store's clock.
local LANES = tonumber(ARGV[1])
local META, REPORTS, CONTROL = KEYS[1], KEYS[2], KEYS[3]

local function now_ms()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

local function lane_name(lane)
  return ARGV[#ARGV - LANES + lane]
end

local function key(lane, which)
  return KEYS[3 + (lane - 1) * 9 + which]
end

-- Keys of a lane: outstanding calls by deadline, claims (number -> "ms pool"), claims by time, returners,
-- bitmaps of gone and missed tickets, two bitmaps of presence, samples of joining times.
local CALLED, CLAIMS, CLAIMED, RETURNING, GONE, MISSED, SEEN0, SEEN1, JOINS = 1, 2, 3, 4, 5, 6, 7, 8, 9

local function counter(name, lane)
  return tonumber(redis.call('HGET', META, name .. ':' .. lane_name(lane)) or '0')
end

local function add(name, lane, by)
  return redis.call('HINCRBY', META, name .. ':' .. lane_name(lane), by)
end

local function seen_now()
  return redis.call('HGET', META, 'window') == '1' and SEEN1 or SEEN0
end

local function note_seen(lane, number)
  redis.call('SETBIT', key(lane, seen_now()), number, 1)
  if number > counter('issued', lane) then
    -- A signed ticket beyond the counter: the store lost its last moments; the ticket restores them.
    redis.call('HSET', META, 'issued:' .. lane_name(lane), number)
  end
end

local function waiting()
  local all = 0
  for lane = 1, LANES do
    local ahead = counter('issued', lane) - counter('serving', lane) - counter('left', lane)
    all = all + math.max(0, ahead) + redis.call('ZCARD', key(lane, RETURNING))
  end
  return all
end

local function admit(lane, number, now, pool)
  redis.call('HSET', key(lane, CLAIMS), number, now .. ' ' .. pool)
  redis.call('ZADD', key(lane, CLAIMED), now, number)
  add('claims', lane, 1)
end
