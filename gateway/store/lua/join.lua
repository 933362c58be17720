-- join(lane, max waiting, pool, highest number that the caller knows to be handed out, in which epoch, person or '', lane
-- and number of a place of the person that is over or '' and 0, then all lanes): returns {standing, number, epoch, now ms,
-- lane}; standing is waiting, claimed, kept (the person has this place already), full or lost.
-- With a person KEYS go on with the bucket that holds the person's place, and the bitmap of gone tickets of each lane.
local FIRST, BUCKET, GONE_IN, PERSON_KEPT, CROWDED = 9, KEYS[11], 11, 172800, 64
local fields = {'epoch', 'credit', 'window'}
for i = FIRST, #ARGV do
  local name = ARGV[i]
  local n = #fields
  fields[n + 1], fields[n + 2], fields[n + 3], fields[n + 4] = 'issued:' .. name, 'serving:' .. name, 'left:' .. name, 'back:' .. name
end
local room = redis.call('HMGET', META, unpack(fields))
local epoch, now, person = room[1], now_ms(), ARGV[6]
if not epoch then return {'lost', 0, '', 0, ''} end

-- A place of a person is 8 bytes: a mark of epoch and lane, and the number.
local function mark(lane)
  return struct.pack('>I4', tonumber(string.sub(redis.sha1hex(epoch .. '|' .. lane), 1, 8), 16))
end

local marks = {}
-- Returns lane and number of a place that is alive: of this epoch, handed out, not gone.
local function place(packed)
  if #marks == 0 then
    for i = FIRST, #ARGV do marks[#marks + 1] = mark(ARGV[i]) end
  end
  for i = 1, #marks do
    if string.sub(packed, 1, 4) == marks[i] then
      local number = struct.unpack('>I4', packed, 5)
      local issued = tonumber(room[4 * i] or 0)
      if number <= issued and redis.call('GETBIT', KEYS[GONE_IN + i], number) == 0 then return ARGV[FIRST + i - 1], number end
    end
  end
end

local function keep(number)
  if person == '' then return end
  redis.call('HSET', BUCKET, person, mark(LANE) .. struct.pack('>I4', number))
  redis.call('EXPIRE', BUCKET, PERSON_KEPT)
  -- Buckets hold few people, in the compact form of small hashes; now and then the places that are over are taken out.
  if redis.call('HLEN', BUCKET) % CROWDED == 0 then
    local all = redis.call('HGETALL', BUCKET)
    for i = 1, #all, 2 do
      if all[i] ~= person and not place(all[i + 1]) then redis.call('HDEL', BUCKET, all[i]) end
    end
  end
end

if person ~= '' then
  local packed = redis.call('HGET', BUCKET, person)
  if packed then
    local lane, number = place(packed)
    if lane and not (lane == ARGV[7] and number == tonumber(ARGV[8])) then return {'kept', number, epoch, now, lane} end
  end
end

local waiting, issued, serving = 0, 0, 0
for i = FIRST, #ARGV do
  local at = 4 * (i - FIRST) + 3
  local last, called = tonumber(room[at + 1] or 0), tonumber(room[at + 2] or 0)
  waiting = waiting + math.max(0, last - called - (room[at + 3] or 0)) + (room[at + 4] or 0)
  if ARGV[i] == LANE then issued, serving = last, called end
end
if waiting >= tonumber(ARGV[2]) then return {'full', 0, epoch, now, LANE} end
-- After a failover to a replica that lagged behind, numbers that were handed out already are not handed out again.
local number = (ARGV[5] == epoch and math.max(issued, tonumber(ARGV[4])) or issued) + 1
note_seen(number, room[3])
if waiting == 0 and tonumber(room[2] or 0) > 0 then
  redis.call('HSET', META, 'issued:' .. LANE, number, 'serving:' .. LANE, number, 'left:' .. LANE, 0, 'credit', room[2] - 1)
  redis.call('HINCRBY', META, 'calls:' .. LANE, 1)
  admit(number, now, ARGV[3])
  keep(number)
  return {'claimed', number, epoch, now, LANE}
end
redis.call('HSET', META, 'issued:' .. LANE, number)
-- The joining time of every 16th ticket is kept, and of the first of an empty lane: half a byte a waiter.
if number - 1 == serving then redis.call('DEL', JOINS) end
if number - 1 == serving or number % 16 == 1 then redis.call('RPUSH', JOINS, number .. ':' .. now) end
keep(number)
return {'waiting', number, epoch, now, LANE}
