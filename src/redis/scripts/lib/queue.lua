-- The keys that every script of a queue gets, in this order (src/redis/keys.hpp), and what all of them share.
local META, MSG, EXPIRY, REFS, LOG = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local DEAD, DEAD_BY, TRASH = KEYS[6], KEYS[7], KEYS[8]
local call = redis.call
local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
