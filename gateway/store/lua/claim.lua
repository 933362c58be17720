-- claim(lane, number, epoch, pool, position, opening by which the position was worked out or 0): returns {standing,
-- claimed ms, pool}; standing is claimed, waiting, returning, gone, over (gone, since its claim was forgotten), stale or
-- lost.
local room = redis.call('HMGET', META, 'epoch', 'window', 'issued:' .. LANE, 'serving:' .. LANE, 'cohort',
  'first:' .. LANE, 'last:' .. LANE)
local number, pool = tonumber(ARGV[2]), ARGV[4]
if not room[1] then return {'lost', 0, ''} end
if room[1] ~= ARGV[3] then return {'stale', 0, ''} end
local first = redis.call('HGET', CLAIMS, number)
if first then
  local at, first_pool = string.match(first, '^(%d+) (.*)$')
  return {'claimed', tonumber(at), first_pool}
end
if redis.call('GETBIT', GONE, number) == 1 then return {redis.call('GETBIT', MISSED, number) == 1 and 'gone' or 'over', 0, ''} end
note_seen(number, room[2])
-- A signed ticket beyond the counter: the store lost its last moments; the ticket restores them.
if number > tonumber(room[3] or 0) then redis.call('HSET', META, 'issued:' .. LANE, number) end
if redis.call('ZREM', CALLED, number) == 1 then
  local now = now_ms()
  admit(number, now, pool)
  return {'claimed', now, pool}
end
if shuffled_otherwise(number, {room[5], room[6], room[7]}, ARGV[6]) then return {'waiting', 0, ''} end
if tonumber(ARGV[5]) > tonumber(room[4] or 0) then return {'waiting', 0, ''} end
-- Passed over while silent, or missed its turn once: back near the front.
if redis.call('ZADD', RETURNING, ARGV[5], number) == 1 then redis.call('HINCRBY', META, 'back:' .. LANE, 1) end
return {'returning', 0, ''}
