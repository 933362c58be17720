-- leave(lane, number, epoch): returns 1 when a place was given up, else 0.
local lane, number = tonumber(ARGV[2]), tonumber(ARGV[3])
if redis.call('HGET', META, 'epoch') ~= ARGV[4] then return 0 end
if redis.call('HEXISTS', key(lane, CLAIMS), number) == 1 or redis.call('GETBIT', key(lane, GONE), number) == 1 then return 0 end
redis.call('ZREM', key(lane, CALLED), number)
redis.call('ZREM', key(lane, RETURNING), number)
redis.call('SETBIT', key(lane, GONE), number, 1)
if number > counter('serving', lane) then add('left', lane, 1) end
add('leavers', lane, 1)
return 1
