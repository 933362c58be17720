-- cohort(owner, fence, time of the opening in s, seed, 1 to open it, then per lane the known first and last ticket or -1): begins
-- the cohort of an opening or opens it, once; returns begun, opened, same, busy (the former one is still being called), or
-- '' when the owner does not hold the lease. Borders that are not known are the tickets issued so far.
if not leads(ARGV[2], ARGV[3], now_ms()) then return '' end
local at, seed, opening = ARGV[4], ARGV[5], ARGV[6] == '1'
local held_at, opened = redis.call('HGET', META, 'cohort'), redis.call('HGET', META, 'cohort_opened') == '1'
if redis.call('HGET', META, 'cohort_skipped') == at then return 'busy' end

local function border(lane, argument)
  local known, issued = tonumber(ARGV[argument]), counter('issued', lane)
  if known > issued then redis.call('HSET', META, 'issued:' .. lane_name(lane), known) end
  return known < 0 and issued or known
end

local answer = 'same'
if held_at ~= at then
  for lane = 1, held_at and LANES or 0 do
    if not opened or counter('serving', lane) < counter('last', lane) then
      redis.call('HSET', META, 'cohort_skipped', at)
      return 'busy'
    end
  end
  redis.call('HSET', META, 'cohort', at, 'cohort_seed', seed, 'cohort_opened', '0', 'credit', '0')
  for lane = 1, LANES do
    redis.call('HSET', META, 'first:' .. lane_name(lane), border(lane, 5 + 2 * lane), 'last:' .. lane_name(lane), '0')
  end
  answer, opened = 'begun', false
end
if opening and not opened then
  redis.call('HSET', META, 'cohort_opened', '1', 'credit', '0')
  for lane = 1, LANES do
    local last = math.max(counter('first', lane), border(lane, 6 + 2 * lane))
    redis.call('HSET', META, 'last:' .. lane_name(lane), last)
  end
  answer = 'opened'
end
return answer
