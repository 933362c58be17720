-- call(owner, fence, claim window ms, credit, scan limit, then how many per lane): calls present visits, returners first;
-- returns {called per lane}, or {} when the owner does not hold the lease under this fence.
local now = now_ms()
if not leads(ARGV[2], ARGV[3], now) then return {} end
local deadline, scan_limit = now + ARGV[4], tonumber(ARGV[6])
redis.call('HSET', META, 'credit', ARGV[5])

local function bits(lane, which, first_byte, last_byte)
  return redis.call('GETRANGE', key(lane, which), first_byte, last_byte)
end

local function is_set(bitmap, number, first_byte)
  local byte = string.byte(bitmap, math.floor(number / 8) - first_byte + 1)
  return byte ~= nil and bit.band(byte, bit.rshift(128, number % 8)) ~= 0
end

local function scan(lane, wanted)
  local first, issued, called = counter('serving', lane) + 1, counter('issued', lane), {}
  local last = math.min(issued, first + scan_limit - 1)
  if wanted <= 0 or last < first then return called end
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
  for _, number in ipairs(scan(lane, wanted - #adds / 2)) do adds[#adds + 1] = deadline; adds[#adds + 1] = number end
  count = #adds / 2
  for i = 1, #adds, 1000 do redis.call('ZADD', key(lane, CALLED), unpack(adds, i, math.min(i + 999, #adds))) end
  if count > 0 then add('calls', lane, count) end
  answer[lane] = count
end
return answer
