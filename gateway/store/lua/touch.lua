-- touch(lane, number, lane, number, ...): notes presence of waiting visits; returns how many.
if redis.call('HEXISTS', META, 'epoch') == 0 then return 0 end
local last = #ARGV - LANES
for i = 2, last, 2 do note_seen(tonumber(ARGV[i]), tonumber(ARGV[i + 1])) end
return (last - 1) / 2
