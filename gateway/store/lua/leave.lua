-- leave(lane, number, epoch, position, opening by which the position was worked out or 0): returns 1 when a place was given
-- up, 0 when there was none, -1 when the position is out of date and nothing was done.
local room = redis.call('HMGET', META, 'epoch', 'serving:' .. LANE, 'cohort', 'first:' .. LANE, 'last:' .. LANE)
local number = tonumber(ARGV[2])
if room[1] ~= ARGV[3] then return 0 end
if redis.call('HEXISTS', CLAIMS, number) == 1 or redis.call('GETBIT', GONE, number) == 1 then return 0 end
if shuffled_otherwise(number, {room[3], room[4], room[5]}, ARGV[5]) then return -1 end
redis.call('ZREM', CALLED, number)
if redis.call('ZREM', RETURNING, number) == 1 then redis.call('HINCRBY', META, 'back:' .. LANE, -1) end
redis.call('SETBIT', GONE, number, 1)
redis.call('SETBIT', MISSED, number, 1)
if tonumber(ARGV[4]) > tonumber(room[2] or 0) then redis.call('HINCRBY', META, 'left:' .. LANE, 1) end
redis.call('HINCRBY', META, 'leavers:' .. LANE, 1)
return 1
