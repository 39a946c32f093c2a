#!lua flags=allow-oom
-- Whether an epoch is the newest, and what was appended is there. It writes nothing, but it does not say so to
-- Redis: a replica must refuse it, because it may not know of a newer epoch yet.
--
-- KEYS: epoch, tick. ARGV: epoch, the least tick that must be there.

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
return {'ok', tick}
