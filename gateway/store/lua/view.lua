-- view(owner, lease ms, report, age limit of reports ms): takes or renews the lease, stores the report; returns
-- {now ms, epoch or '', leader 0/1, credit, control, {owner, report, ...}, then per lane {issued, serving, left, called,
-- returning, calls, claims, no-shows, leavers, joining time of the head in ms or 0}}.
local now = now_ms()
local epoch = redis.call('HGET', META, 'epoch')
if not epoch then return {now, ''} end
local owner, lease, report, max_age = ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local holder = redis.call('HGET', META, 'owner')
local held_until = tonumber(redis.call('HGET', META, 'held_until') or '0')
local leader = 0
if lease > 0 and (holder == owner or held_until <= now) then
  redis.call('HSET', META, 'owner', owner, 'held_until', now + lease)
  leader = 1
elseif lease == 0 and holder == owner then
  redis.call('HSET', META, 'held_until', 0)
end
if report ~= '' then redis.call('HSET', REPORTS, owner, now .. ' ' .. report) end
local fresh, all = {}, redis.call('HGETALL', REPORTS)
for i = 1, #all, 2 do
  local at, body = string.match(all[i + 1], '^(%d+) (.*)$')
  if tonumber(at) >= now - max_age then
    fresh[#fresh + 1] = all[i]
    fresh[#fresh + 1] = body
  else
    redis.call('HDEL', REPORTS, all[i])
  end
end
local answer = {now, epoch, leader, tonumber(redis.call('HGET', META, 'credit') or '0'), redis.call('GET', CONTROL) or '', fresh}
for lane = 1, LANES do
  local issued, serving = counter('issued', lane), counter('serving', lane)
  local head = 0
  if issued > serving then
    local sample = redis.call('LINDEX', key(lane, JOINS), 0)
    head = sample and tonumber(string.match(sample, ':(%d+)$')) or now
  end
  answer[#answer + 1] = {
    issued, serving, counter('left', lane), redis.call('ZCARD', key(lane, CALLED)), redis.call('ZCARD', key(lane, RETURNING)),
    counter('calls', lane), counter('claims', lane), counter('no_shows', lane), counter('leavers', lane), head,
  }
end
return answer
