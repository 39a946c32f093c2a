#!lua
-- Takes the next epoch of a partition.
--
-- KEYS: epoch, tick. ARGV: owner.

local epoch = redis.call('GET', KEYS[1])
local counter = '0'
if epoch then
  counter = string.match(epoch, '^(%d+) ')
  if not counter then
    return {'damaged', 'the epoch'}
  end
end
local tick = redis.call('GET', KEYS[2]) or '0'
counter = string.format('%.0f', tonumber(counter) + 1)
redis.call('SET', KEYS[1], counter .. ' ' .. ARGV[1])
return {'ok', counter, tick}
