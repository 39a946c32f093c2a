#!lua
-- Appends to the logs of several jobs, all or nothing: whatever can be refused is refused before the first write.
--
-- KEYS: epoch, tick, live, jobs, lines, places, then the log of each job.
-- ARGV: epoch, the least tick that must be there, the number of jobs;
--       for each job: id, length of its log, its place in lists, its line, 1 when live, the number of its events;
--       then the events of all jobs, in that order.

-- More arguments than this do not fit a call.
local PIECE = 4000
local FIELDS = 6

local epoch = redis.call('GET', KEYS[1])
if epoch ~= ARGV[1] then
  return {'epoch', epoch or ''}
end
local tick = redis.call('GET', KEYS[2]) or '0'
if not tonumber(tick) then
  return {'damaged', 'the tick'}
end
if tonumber(tick) < tonumber(ARGV[2]) then
  return {'behind', tick}
end
-- A key of another kind raises an error here, where nothing is written yet.
redis.call('ZCARD', KEYS[3])
redis.call('ZCARD', KEYS[4])
redis.call('HLEN', KEYS[5])

local count = tonumber(ARGV[3])
local places = {}
for each = 1, count do
  local at = 3 + (each - 1) * FIELDS
  local length = string.format('%.0f', redis.call('LLEN', KEYS[6 + each]))
  if length ~= ARGV[at + 2] then
    return {'length', ARGV[at + 1], length}
  end
  local place = redis.call('HGET', KEYS[6], ARGV[at + 1])
  if not place and length ~= '0' then
    return {'damaged', 'the place of ' .. ARGV[at + 1]}
  end
  places[each] = place
end

tick = redis.call('INCR', KEYS[2])
local from = 3 + count * FIELDS
for each = 1, count do
  local at = 3 + (each - 1) * FIELDS
  local job, place = ARGV[at + 1], places[each]
  if not place then
    place = ARGV[at + 3]
    redis.call('HSET', KEYS[6], job, place)
    redis.call('ZADD', KEYS[4], 0, place)
  end
  redis.call('HSET', KEYS[5], job, ARGV[at + 4])
  if ARGV[at + 5] == '1' then
    redis.call('ZADD', KEYS[3], 0, place)
  else
    redis.call('ZREM', KEYS[3], place)
  end
  local events = tonumber(ARGV[at + 6])
  for first = from + 1, from + events, PIECE do
    redis.call('RPUSH', KEYS[6 + each], unpack(ARGV, first, math.min(first + PIECE - 1, from + events)))
  end
  from = from + events
end
return {'ok', string.format('%.0f', tick)}
