#!lua
-- Writes something that is fixed by whoever comes first, and says what it is.
--
-- KEYS: the store's own facts. ARGV: the format of this build, a name, a value.

redis.call('HSETNX', KEYS[1], 'format', ARGV[1])
redis.call('HSETNX', KEYS[1], ARGV[2], ARGV[3])
return {'ok', redis.call('HGET', KEYS[1], ARGV[2])}
