-- sweep(owner, fence, claims kept ms, presence grace ms, most per lane): ends overdue calls, forgets old claims, ages
-- presence; returns the number of no-shows, or -1 when the owner does not hold the lease under this fence.
local now = now_ms()
if not leads(ARGV[2], ARGV[3], now) then return -1 end
local keep, grace, most = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local missed = 0
for lane = 1, LANES do
  for _, number in ipairs(redis.call('ZRANGEBYSCORE', key(lane, CALLED), '-inf', now, 'LIMIT', 0, most)) do
    redis.call('ZREM', key(lane, CALLED), number)
    local again = redis.call('SETBIT', key(lane, MISSED), number, 1)
    if again == 1 then redis.call('SETBIT', key(lane, GONE), number, 1) end
    add('no_shows', lane, 1)
    missed = missed + 1
  end
  for _, number in ipairs(redis.call('ZRANGEBYSCORE', key(lane, CLAIMED), '-inf', now - keep, 'LIMIT', 0, most)) do
    redis.call('ZREM', key(lane, CLAIMED), number)
    redis.call('HDEL', key(lane, CLAIMS), number)
    -- Gone and not missed: this ticket has let its holder in.
    redis.call('SETBIT', key(lane, GONE), number, 1)
    redis.call('SETBIT', key(lane, MISSED), number, 0)
  end
end
if now - tonumber(redis.call('HGET', META, 'rotated') or 0) >= grace then
  local next_window = redis.call('HGET', META, 'window') == '1' and '0' or '1'
  redis.call('HSET', META, 'window', next_window, 'rotated', now)
  for lane = 1, LANES do redis.call('UNLINK', key(lane, next_window == '1' and SEEN1 or SEEN0)) end
end
return missed
