-- join(lane, max waiting, pool, highest number that the caller knows to be handed out, in which epoch, then all lanes):
-- returns {standing, number, epoch, now ms}; standing is waiting, claimed, full or lost.
local fields = {'epoch', 'credit', 'window'}
for i = 6, #ARGV do
  local name = ARGV[i]
  local n = #fields
  fields[n + 1], fields[n + 2], fields[n + 3], fields[n + 4] = 'issued:' .. name, 'serving:' .. name, 'left:' .. name, 'back:' .. name
end
local room = redis.call('HMGET', META, unpack(fields))
local epoch, now = room[1], now_ms()
if not epoch then return {'lost', 0, '', 0} end
local waiting, issued, serving = 0, 0, 0
for i = 6, #ARGV do
  local at = 4 * (i - 6) + 3
  local last, called = tonumber(room[at + 1] or 0), tonumber(room[at + 2] or 0)
  waiting = waiting + math.max(0, last - called - (room[at + 3] or 0)) + (room[at + 4] or 0)
  if ARGV[i] == LANE then issued, serving = last, called end
end
if waiting >= tonumber(ARGV[2]) then return {'full', 0, epoch, now} end
-- After a failover to a replica that lagged behind, numbers that were handed out already are not handed out again.
local number = (ARGV[5] == epoch and math.max(issued, tonumber(ARGV[4])) or issued) + 1
note_seen(number, room[3])
if waiting == 0 and tonumber(room[2] or 0) > 0 then
  redis.call('HSET', META, 'issued:' .. LANE, number, 'serving:' .. LANE, number, 'left:' .. LANE, 0, 'credit', room[2] - 1)
  redis.call('HINCRBY', META, 'calls:' .. LANE, 1)
  admit(number, now, ARGV[3])
  return {'claimed', number, epoch, now}
end
redis.call('HSET', META, 'issued:' .. LANE, number)
-- The joining time of every 16th ticket is kept, and of the first of an empty lane: half a byte a waiter.
if number - 1 == serving then redis.call('DEL', JOINS) end
if number - 1 == serving or number % 16 == 1 then redis.call('RPUSH', JOINS, number .. ':' .. now) end
return {'waiting', number, epoch, now}
