-- claim(lane, number, epoch, pool): returns {standing, claimed ms, pool}; standing is claimed, waiting, returning, gone or stale.
local epoch = redis.call('HGET', META, 'epoch')
if not epoch then return {'lost', 0, ''} end
local lane, number, pool = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[5]
if epoch ~= ARGV[4] then return {'stale', 0, ''} end
local first = redis.call('HGET', key(lane, CLAIMS), number)
if first then
  local at, first_pool = string.match(first, '^(%d+) (.*)$')
  return {'claimed', tonumber(at), first_pool}
end
if redis.call('GETBIT', key(lane, GONE), number) == 1 then return {'gone', 0, ''} end
note_seen(lane, number)
if redis.call('ZREM', key(lane, CALLED), number) == 1 then
  local now = now_ms()
  admit(lane, number, now, pool)
  return {'claimed', now, pool}
end
if number > counter('serving', lane) then return {'waiting', 0, ''} end
-- Passed over while silent, or missed its turn once: back near the front.
redis.call('ZADD', key(lane, RETURNING), number, number)
return {'returning', 0, ''}
