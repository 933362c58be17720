-- call(owner, fence, claim window ms, credit, scan limit, then how many per lane, then per lane the first position of the
-- cohort behind serving and its tickets from there on, 4 bytes each): calls present visits, returners first;
-- returns {called per lane}, or {} when the owner does not hold the lease under this fence.
local now = now_ms()
if not leads(ARGV[2], ARGV[3], now) then return {} end
-- As text: a number would be written out again for each of a thousand tickets.
local deadline, scan_limit = string.format('%.0f', now + ARGV[4]), tonumber(ARGV[6])
local waits = prequeue()
redis.call('HSET', META, 'credit', waits and '0' or ARGV[5])

local function bits(lane, which, first_byte, last_byte)
  return redis.call('GETRANGE', key(lane, which), first_byte, last_byte)
end

local byte_at, band, bor, MASKS = string.byte, bit.band, bit.bor, {[0] = 128, 64, 32, 16, 8, 4, 2, 1}

local function is_set(bitmap, number, first_byte)
  local place = number % 8
  local byte = byte_at(bitmap, (number - place) / 8 - first_byte + 1)
  return byte ~= nil and band(byte, MASKS[place]) ~= 0
end

-- Drops the joining times of tickets before the head, but for the last before it.
local function forget_joins(lane, serving, passed)
  local ahead = math.floor(passed / 16) + 2
  repeat
    local samples, over = redis.call('LRANGE', key(lane, JOINS), 1, ahead), 0
    while over < #samples and tonumber(string.match(samples[over + 1], '^%d+')) <= serving + 1 do over = over + 1 end
    if over > 0 then redis.call('LTRIM', key(lane, JOINS), over, -1) end
  until over < ahead
end

local function scan(lane, wanted, limit, called)
  local first = counter('serving', lane) + 1
  local last = math.min(limit, first + scan_limit - 1)
  local count = #called
  if count >= wanted or last < first then return end
  local low, high = math.floor(first / 8), math.floor(last / 8)
  local gone, one, two = bits(lane, GONE, low, high), bits(lane, SEEN0, low, high), bits(lane, SEEN1, low, high)
  local number, left, away, here = first - 1, 0, nil, nil
  while count < wanted and number < last do
    number = number + 1
    local place = number % 8
    if place == 0 or not here then
      local at = (number - place) / 8 - low + 1
      away, here = byte_at(gone, at) or 0, bor(byte_at(one, at) or 0, byte_at(two, at) or 0)
    end
    if band(away, MASKS[place]) ~= 0 then
      left = left + 1
    elseif band(here, MASKS[place]) ~= 0 then
      count = count + 1
      called[count] = number
    end
  end
  redis.call('HSET', META, 'serving:' .. lane_name(lane), number)
  if left > 0 then add('left', lane, -left) end
  forget_joins(lane, number, number - first)
end

-- The cohort of an opening is called in the order of the tickets handed in, which lie all over its numbers: its bitmaps are
-- read whole, 125 KB for a million, which costs less than looking a thousand bits up one by one.
local function call_cohort(lane, wanted, called, first, last)
  local start, packed, serving = tonumber(ARGV[6 + LANES + 2 * lane - 1]), ARGV[6 + LANES + 2 * lane], counter('serving', lane)
  if start ~= serving + 1 or packed == '' then return end
  local low, high = math.floor((first + 1) / 8), math.floor(last / 8)
  local gone, one, two = bits(lane, GONE, low, high), bits(lane, SEEN0, low, high), bits(lane, SEEN1, low, high)
  local left, done, all = 0, 0, #packed / 4
  while done < all and #called < wanted do
    local a, b, c, d = byte_at(packed, 4 * done + 1, 4 * done + 4)
    local number = ((a * 256 + b) * 256 + c) * 256 + d
    done = done + 1
    if is_set(gone, number, low) then
      left = left + 1
    elseif is_set(one, number, low) or is_set(two, number, low) then
      called[#called + 1] = number
    end
  end
  redis.call('HSET', META, 'serving:' .. lane_name(lane), serving + done)
  if left > 0 then add('left', lane, -left) end
end

local function call_lane(lane, wanted)
  local called, issued, first, last = {}, counter('issued', lane), counter('first', lane), counter('last', lane)
  if waits then
    scan(lane, wanted, math.min(issued, first), called)
    return called
  end
  scan(lane, wanted, last > first and math.min(issued, first) or issued, called)
  if #called < wanted and last > first then
    call_cohort(lane, wanted, called, first, last)
    if counter('serving', lane) >= last then scan(lane, wanted, issued, called) end
  end
  return called
end

local answer = {}
for lane = 1, LANES do
  local wanted = tonumber(ARGV[6 + lane])
  local adds, size = {}, 0
  if wanted > 0 then
    local back = redis.call('ZPOPMIN', key(lane, RETURNING), wanted)
    for i = 1, #back, 2 do
      adds[size + 1], adds[size + 2] = deadline, back[i]
      size = size + 2
    end
    if #back > 0 then add('back', lane, -#back / 2) end
  end
  for _, number in ipairs(call_lane(lane, wanted - size / 2)) do
    adds[size + 1], adds[size + 2] = deadline, number
    size = size + 2
  end
  for i = 1, size, 1000 do redis.call('ZADD', key(lane, CALLED), unpack(adds, i, math.min(i + 999, size))) end
  if size > 0 then add('calls', lane, size / 2) end
  answer[lane] = size / 2
end
return answer
