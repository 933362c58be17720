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

local function is_set(bitmap, number, first_byte)
  local byte = string.byte(bitmap, math.floor(number / 8) - first_byte + 1)
  return byte ~= nil and bit.band(byte, bit.rshift(128, number % 8)) ~= 0
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

-- The cohort of an opening is called in the order of the tickets handed in; their bits are looked up one by one.
local function bits_of(lane, which, tickets, from, till)
  local asked = {}
  for i = from, till do
    local n = #asked
    asked[n + 1], asked[n + 2], asked[n + 3] = 'GET', 'u1', tickets[i]
  end
  return redis.call('BITFIELD', key(lane, which), unpack(asked))
end

local function call_cohort(lane, wanted, called)
  local start, packed, serving = tonumber(ARGV[6 + LANES + 2 * lane - 1]), ARGV[6 + LANES + 2 * lane], counter('serving', lane)
  if start ~= serving + 1 then return end
  local tickets, left, done = {}, 0, 0
  for at = 1, #packed, 4 do tickets[#tickets + 1] = struct.unpack('>I4', packed, at) end
  while done < #tickets and #called < wanted do
    local from, till = done + 1, math.min(#tickets, done + 1000)
    local gone, one = bits_of(lane, GONE, tickets, from, till), bits_of(lane, SEEN0, tickets, from, till)
    local two = bits_of(lane, SEEN1, tickets, from, till)
    while done < till and #called < wanted do
      done = done + 1
      local k = done - from + 1
      if gone[k] == 1 then left = left + 1 elseif one[k] == 1 or two[k] == 1 then called[#called + 1] = tickets[done] end
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
    call_cohort(lane, wanted, called)
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
