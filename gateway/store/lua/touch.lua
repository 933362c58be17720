-- touch(lane, epoch, number, number, ...): notes presence of visits of a lane that wait in this epoch; returns how many.
local room = redis.call('HMGET', META, 'epoch', 'window', 'issued:' .. LANE)
if room[1] ~= ARGV[2] then return 0 end
local highest = tonumber(room[3] or 0)
for i = 3, #ARGV do
  local number = tonumber(ARGV[i])
  note_seen(number, room[2])
  if number > highest then highest = number end
end
-- A signed ticket beyond the counter: the store lost its last moments; the ticket restores them.
if highest > tonumber(room[3] or 0) then redis.call('HSET', META, 'issued:' .. LANE, highest) end
return #ARGV - 2
