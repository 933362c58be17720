-- join(lane, max waiting, pool, highest number that the caller knows to be handed out): returns {standing, number,
-- epoch, now ms}; standing is waiting, claimed, full or lost.
local epoch = redis.call('HGET', META, 'epoch')
if not epoch then return {'lost', 0, '', 0} end
local lane, max_waiting, pool = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local now, before = now_ms(), waiting()
if before >= max_waiting then return {'full', 0, epoch, now} end
-- After a failover to a replica that lagged behind, numbers that were handed out already are not handed out again.
local known = tonumber(ARGV[5])
if known > counter('issued', lane) then redis.call('HSET', META, 'issued:' .. lane_name(lane), known) end
local number = add('issued', lane, 1)
redis.call('SETBIT', key(lane, seen_now()), number, 1)
if before == 0 and tonumber(redis.call('HGET', META, 'credit') or '0') > 0 then
  redis.call('HINCRBY', META, 'credit', -1)
  redis.call('HSET', META, 'serving:' .. lane_name(lane), number, 'left:' .. lane_name(lane), 0)
  add('calls', lane, 1)
  admit(lane, number, now, pool)
  return {'claimed', number, epoch, now}
end
-- The joining time of every 16th ticket is kept, and of the first of an empty lane: half a byte a waiter.
if number - 1 == counter('serving', lane) then redis.call('DEL', key(lane, JOINS)) end
if number % 16 == 1 or redis.call('EXISTS', key(lane, JOINS)) == 0 then
  redis.call('RPUSH', key(lane, JOINS), number .. ':' .. now)
end
return {'waiting', number, epoch, now}
