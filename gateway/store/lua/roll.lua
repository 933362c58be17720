-- roll(owner, fence, least numbers handed out, ms without a claim, new epoch): begins a new epoch in a room in which nobody
-- waits, is called or has just claimed, so that its bitmaps do not grow for ever; returns the epoch then in force, or ''
-- when the owner does not hold the lease under this fence.
local now = now_ms()
if not leads(ARGV[2], ARGV[3], now) then return '' end
local epoch, issued_in_all, busy = redis.call('HGET', META, 'epoch'), 0, 0
for lane = 1, LANES do
  local issued = counter('issued', lane)
  issued_in_all = issued_in_all + issued
  busy = busy + math.max(0, issued - counter('serving', lane) - counter('left', lane)) + counter('back', lane)
    + redis.call('ZCARD', key(lane, CALLED)) + redis.call('ZCOUNT', key(lane, CLAIMED), now - ARGV[5], '+inf')
end
if prequeue() or busy > 0 or issued_in_all < tonumber(ARGV[4]) then return epoch end
redis.call('HSET', META, 'epoch', ARGV[6], 'window', '0', 'rotated', now, 'credit', '0')
for lane = 1, LANES do
  local name = lane_name(lane)
  for _, field in ipairs({'issued:', 'serving:', 'left:', 'back:', 'calls:', 'claims:', 'no_shows:', 'leavers:', 'first:', 'last:'}) do
    redis.call('HDEL', META, field .. name)
  end
  for which = 1, 9 do redis.call('UNLINK', key(lane, which)) end
end
redis.call('UNLINK', PRESENCE)
redis.call('HDEL', META, 'cohort', 'cohort_seed', 'cohort_opened')
return ARGV[6]
