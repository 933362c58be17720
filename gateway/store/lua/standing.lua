-- standing(lane, number, epoch): changes nothing; returns how a place stands: waiting (called and returning too), claimed,
-- gone, stale, or lost when the room is not open.
local room = redis.call('HMGET', META, 'epoch', 'issued:' .. LANE)
local number = tonumber(ARGV[2])
if not room[1] then return 'lost' end
if room[1] ~= ARGV[3] then return 'stale' end
if redis.call('HEXISTS', CLAIMS, number) == 1 then return 'claimed' end
if number < 1 or number > tonumber(room[2] or 0) or redis.call('GETBIT', GONE, number) == 1 then return 'gone' end
return 'waiting'
