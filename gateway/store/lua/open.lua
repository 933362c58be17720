-- open(epoch, then issued and serving per lane): returns the room's epoch, creating the room where it is lost.
local epoch = redis.call('HGET', META, 'epoch')
if epoch then return epoch end
redis.call('HSET', META, 'epoch', ARGV[2], 'window', '0', 'rotated', now_ms(), 'credit', '0')
for lane = 1, LANES do
  redis.call('HSET', META, 'issued:' .. lane_name(lane), ARGV[1 + lane * 2], 'serving:' .. lane_name(lane), ARGV[2 + lane * 2])
end
return ARGV[2]
