-- Prepended to the scripts about one ticket. KEYS: meta, then the 9 keys of the lane. ARGV[1] is the lane's name. Times are
-- milliseconds of the store's clock.
local META, CALLED, CLAIMS, CLAIMED, RETURNING, GONE, MISSED, SEEN0, SEEN1, JOINS = unpack(KEYS, 1, 10)
local LANE = ARGV[1]

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function note_seen(number, window)
  redis.call('SETBIT', window == '1' and SEEN1 or SEEN0, number, 1)
end

-- Whether a ticket was shuffled by an opening that the caller has not seen: its position is not what the caller thinks.
-- `cohort` holds time of the opening, first and last ticket of the lane's cohort.
local function shuffled_otherwise(number, cohort, opening)
  return cohort[1] and number > tonumber(cohort[2]) and number <= tonumber(cohort[3]) and cohort[1] ~= opening
end

local function admit(number, now, pool)
  redis.call('HSET', CLAIMS, number, now .. ' ' .. pool)
  redis.call('ZADD', CLAIMED, now, number)
  redis.call('HINCRBY', META, 'claims:' .. LANE, 1)
end
