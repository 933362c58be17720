-- call(owner, fence, claim window ms, credit, scan limit, then how many per lane, then per lane the first position of the
-- cohort behind serving and its tickets from there on, 4 bytes each): calls present visits, returners first;
-- returns {called per lane}, or {} when the owner does not hold the lease under this fence.
local now = now_ms()
if not leads(ARGV[2], ARGV[3], now) then return {} end
local deadline, scan_limit = now + ARGV[4], tonumber(ARGV[6])
local waits = prequeue()
redis.call('HSET', META, 'credit', waits and '0' or ARGV[5])

local function bits(lane, which, first_byte, last_byte)
  return redis.call('GETRANGE', key(lane, which), first_byte, last_byte)
end

local byte_at, band, MASKS = string.byte, bit.band, {[0] = 128, 64, 32, 16, 8, 4, 2, 1}

local function is_set(bitmap, number, first_byte)
  local place = number % 8
  local byte = byte_at(bitmap, (number - place) / 8 - first_byte + 1)
  return byte ~= nil and band(byte, MASKS[place]) ~= 0
end

local function scan(lane, wanted, limit, called)
  local first = counter('serving', lane) + 1
  local last = math.min(limit, first + scan_limit - 1)
  if #called >= wanted or last < first then return end
  local low, high = math.floor(first / 8), math.floor(last / 8)
  local gone, one, two = bits(lane, GONE, low, high), bits(lane, SEEN0, low, high), bits(lane, SEEN1, low, high)
  local number, left = first - 1, 0
  while #called < wanted and number < last do
    number = number + 1
    if is_set(gone, number, low) then
      left = left + 1
    elseif is_set(one, number, low) or is_set(two, number, low) then
      called[#called + 1] = number
    end
  end
  redis.call('HSET', META, 'serving:' .. lane_name(lane), number)
  if left > 0 then add('left', lane, -left) end
  local ahead = redis.call('LINDEX', key(lane, JOINS), 1)
  while ahead and tonumber(string.match(ahead, '^%d+')) <= number + 1 do
    redis.call('LPOP', key(lane, JOINS))
    ahead = redis.call('LINDEX', key(lane, JOINS), 1)
  end
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
  local wanted, count = tonumber(ARGV[6 + lane]), 0
  local adds = {}
  if wanted > 0 then
    local back = redis.call('ZPOPMIN', key(lane, RETURNING), wanted)
    for i = 1, #back, 2 do adds[#adds + 1] = deadline; adds[#adds + 1] = back[i] end
    if #back > 0 then add('back', lane, -#back / 2) end
  end
  for _, number in ipairs(call_lane(lane, wanted - #adds / 2)) do adds[#adds + 1] = deadline; adds[#adds + 1] = number end
  count = #adds / 2
  for i = 1, #adds, 1000 do redis.call('ZADD', key(lane, CALLED), unpack(adds, i, math.min(i + 999, #adds))) end
  if count > 0 then add('calls', lane, count) end
  answer[lane] = count
end
return answer
