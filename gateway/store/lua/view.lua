-- view(owner, lease ms, report, age limit of reports ms): takes or renews the lease, stores the report; returns
-- {now ms, epoch or '', fence when the owner leads or 0, credit, control, {owner, report, ...}, then per lane {issued,
-- serving, left, called, returning, calls, claims, no-shows, leavers, joining time of the head in ms or 0}, at last the cohort: {} or
-- {time, seed, 0/1 opened, first and last per lane}}.
local now = now_ms()
local room = redis.call('HMGET', META, 'epoch', 'owner', 'held_until', 'fence', 'credit')
local epoch, holder, held_until, fence = room[1], room[2], tonumber(room[3] or 0), tonumber(room[4] or 0)
if not epoch then return {now, ''} end
local owner, lease, report, max_age = ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local leads_under = 0
-- A lease that ends later than any could is one of before the clock stepped back: nobody waits for its end.
local over, stale = held_until <= now, held_until > now + 2 * lease
if lease > 0 and (holder == owner or over or stale) then
  -- A lease that changes hands, or that had run out, is a new one: whatever was decided under the old is void.
  if holder ~= owner or over then fence = fence + 1 end
  redis.call('HSET', META, 'owner', owner, 'held_until', now + lease, 'fence', fence)
  leads_under = fence
elseif lease == 0 and holder == owner then
  redis.call('HSET', META, 'held_until', 0)
end
if report ~= '' then redis.call('HSET', REPORTS, owner, now .. ' ' .. report) end
local fresh, all = {}, redis.call('HGETALL', REPORTS)
for i = 1, #all, 2 do
  local at, body = string.match(all[i + 1], '^(%d+) (.*)$')
  -- One from far ahead is of before the clock stepped back.
  if math.abs(now - tonumber(at)) <= max_age then
    fresh[#fresh + 1] = all[i]
    fresh[#fresh + 1] = body
  else
    redis.call('HDEL', REPORTS, all[i])
  end
end
local answer = {now, epoch, leads_under, tonumber(room[5] or 0), redis.call('GET', CONTROL) or '', fresh}
for lane = 1, LANES do
  local name = lane_name(lane)
  local counts = redis.call('HMGET', META, 'issued:' .. name, 'serving:' .. name, 'left:' .. name, 'back:' .. name,
    'calls:' .. name, 'claims:' .. name, 'no_shows:' .. name, 'leavers:' .. name)
  for i = 1, 8 do counts[i] = tonumber(counts[i] or 0) end
  local issued, serving = counts[1], counts[2]
  local head = 0
  if issued > serving then
    local sample = redis.call('LINDEX', key(lane, JOINS), 0)
    head = sample and tonumber(string.match(sample, ':(%d+)$')) or now
  end
  answer[#answer + 1] = {
    issued, serving, counts[3], redis.call('ZCARD', key(lane, CALLED)), counts[4], counts[5], counts[6], counts[7], counts[8], head,
  }
end
local cohort = redis.call('HMGET', META, 'cohort', 'cohort_seed', 'cohort_opened')
if cohort[1] then
  for lane = 1, LANES do
    cohort[#cohort + 1] = counter('first', lane)
    cohort[#cohort + 1] = counter('last', lane)
  end
else
  cohort = {}
end
answer[#answer + 1] = cohort
return answer
