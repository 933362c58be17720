-- open(epoch, then issued and serving per lane, then time, seed and 0/1 opened of its cohort or '', then first and last
-- per lane): returns the room's epoch, creating the room where it is lost.
local epoch = redis.call('HGET', META, 'epoch')
if epoch then return epoch end
redis.call('HSET', META, 'epoch', ARGV[2], 'window', '0', 'rotated', now_ms(), 'credit', '0')
for lane = 1, LANES do
  redis.call('HSET', META, 'issued:' .. lane_name(lane), ARGV[1 + lane * 2], 'serving:' .. lane_name(lane), ARGV[2 + lane * 2])
end
local cohort = 3 + 2 * LANES
if ARGV[cohort] ~= '' then
  redis.call('HSET', META, 'cohort', ARGV[cohort], 'cohort_seed', ARGV[cohort + 1], 'cohort_opened', ARGV[cohort + 2])
  for lane = 1, LANES do
    redis.call('HSET', META, 'first:' .. lane_name(lane), ARGV[cohort + 1 + 2 * lane], 'last:' .. lane_name(lane), ARGV[cohort + 2 + 2 * lane])
  end
end
return ARGV[2]
