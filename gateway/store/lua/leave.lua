-- leave(lane, number, epoch): returns 1 when a place was given up, else 0.
local room = redis.call('HMGET', META, 'epoch', 'serving:' .. LANE)
local number = tonumber(ARGV[2])
if room[1] ~= ARGV[3] then return 0 end
if redis.call('HEXISTS', CLAIMS, number) == 1 or redis.call('GETBIT', GONE, number) == 1 then return 0 end
redis.call('ZREM', CALLED, number)
if redis.call('ZREM', RETURNING, number) == 1 then redis.call('HINCRBY', META, 'back:' .. LANE, -1) end
redis.call('SETBIT', GONE, number, 1)
redis.call('SETBIT', MISSED, number, 1)
if number > tonumber(room[2] or 0) then redis.call('HINCRBY', META, 'left:' .. LANE, 1) end
redis.call('HINCRBY', META, 'leavers:' .. LANE, 1)
return 1
