-- standing(lane, number, epoch): changes nothing; returns waiting (called and returning ones too), claimed, gone or stale.
local epoch = redis.call('HGET', META, 'epoch')
if not epoch then return 'lost' end
local lane, number = tonumber(ARGV[2]), tonumber(ARGV[3])
if epoch ~= ARGV[4] then return 'stale' end
if redis.call('HEXISTS', key(lane, CLAIMS), number) == 1 then return 'claimed' end
if number < 1 or number > counter('issued', lane) or redis.call('GETBIT', key(lane, GONE), number) == 1 then return 'gone' end
return 'waiting'
