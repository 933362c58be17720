-- Replace (with a text) or delete (without one) the record of a key, if it is still the one that the caller wrote.
-- KEYS: the record. ARGV: the record as the caller wrote it, the new one or "", its life in ms.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1
