/**
 * The scripts of the ranking. All keys of one share a hash tag; each is checked to be what the one before it left.
 *
 * Keys: `m` (hash: feeder, step, until, and how many members each bucket `n<hour>` and window `w<days>` has), `o` (the
 * moment that was marked), `f` (the feeder's word), `b:<hour>` and `w:<days>` (sorted sets of negative units, so that
 * ascending order is most sold first, and ties by the bytes of the product id).
 *
 * A key that was evicted alone shows by its number of members. Then `m` goes too, and with it all that is answered.
 */
import { type Script, script } from "./scripts.ts"

/** Of every step. ARGV 1 to 3: feeder, number, after. */
const stepped = `local m, feeder, number, after = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now = redis.call('HMGET', m, 'feeder', 'step', 'until')
if now[1] ~= feeder then return 0 end
local step, ends = tonumber(now[2]), tonumber(now[3])
if step >= number then return 0 end
local function lost() redis.call('DEL', m) return 0 end
if step < after then return lost() end
local function whole(key, field) return redis.call('ZCARD', key) == tonumber(redis.call('HGET', m, field) or 0) end
local function counted(key, field) redis.call('HSET', m, field, redis.call('ZCARD', key)) end
`

/**
 * KEYS: m, o, f, w:<days> …, b:<hour> …. ARGV: feeder, until, milliseconds to keep it, days …. Returns 1. O(members).
 *
 * Each window that is kept has its number of members from here on: one that has none is kept by nobody, and not empty.
 */
export const beginScript: Script = script(`for i = 1, #KEYS do redis.call('UNLINK', KEYS[i]) end
redis.call('HSET', KEYS[1], 'feeder', ARGV[1], 'step', 0, 'until', ARGV[2])
for i = 4, #ARGV do redis.call('HSET', KEYS[1], 'w' .. ARGV[i], 0) end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`)

/**
 * KEYS: m, b:<hour>, w:<days> …. ARGV: feeder, number, after, hour, milliseconds to keep it, count of windows, days …,
 * then product and units, again and again. Returns 1, or 0 for a refusal. O(products × windows × log members).
 */
export const putScript: Script = script(`${stepped}local hour, windows = tonumber(ARGV[4]), tonumber(ARGV[6])
if hour >= ends then return lost() end
local bucket, within, kept = KEYS[2], {}, false
for i = 1, windows do
  local days = tonumber(ARGV[6 + i])
  if not whole(KEYS[2 + i], 'w' .. days) then return lost() end
  if hour >= ends - 24 * days then within[#within + 1] = i kept = true end
end
-- A bucket that no window has may be left over from longer ones.
if kept and not whole(bucket, 'n' .. hour) then return lost() end
redis.call('HSET', m, 'step', number)
if not kept then return 1 end
for at = 7 + windows, #ARGV, 2 do
  local product, new = ARGV[at], -tonumber(ARGV[at + 1])
  local old = tonumber(redis.call('ZSCORE', bucket, product) or 0)
  if new ~= old then
    if new == 0 then redis.call('ZREM', bucket, product) else redis.call('ZADD', bucket, new, product) end
    for _, i in ipairs(within) do
      local window = KEYS[2 + i]
      local sum = tonumber(redis.call('ZSCORE', window, product) or 0) + new - old
      -- What a number cannot hold exactly is the store's to add up.
      if sum < -9007199254740991 then return lost() end
      if sum == 0 then redis.call('ZREM', window, product) else redis.call('ZADD', window, sum, product) end
    end
  end
end
counted(bucket, 'n' .. hour)
redis.call('PEXPIRE', bucket, ARGV[5])
for _, i in ipairs(within) do
  counted(KEYS[2 + i], 'w' .. ARGV[6 + i])
  redis.call('PEXPIRE', KEYS[2 + i], ARGV[5])
end
return 1`)

/**
 * KEYS: m, then for each window w:<days> and the bucket that leaves it. ARGV: feeder, number, after, until, milliseconds to
 * keep it, count of windows, then days and the hour that leaves, again and again; the longest window is the last. Returns 1,
 * or 0 for a refusal. O(members).
 */
export const rollScript: Script = script(`${stepped}local till, windows = tonumber(ARGV[4]), tonumber(ARGV[6])
if ends ~= till and ends + 1 ~= till then return lost() end
for i = 1, windows do
  if not whole(KEYS[2 * i], 'w' .. ARGV[5 + 2 * i]) or not whole(KEYS[2 * i + 1], 'n' .. ARGV[6 + 2 * i]) then
    if ends ~= till then return lost() end
  end
end
redis.call('HSET', m, 'step', number)
if ends == till then return 1 end
for i = 1, windows do
  local window, bucket, hour = KEYS[2 * i], KEYS[2 * i + 1], ARGV[6 + 2 * i]
  redis.call('ZUNIONSTORE', window, 2, window, bucket, 'WEIGHTS', 1, -1)
  redis.call('ZREMRANGEBYSCORE', window, 0, '+inf')
  counted(window, 'w' .. ARGV[5 + 2 * i])
  redis.call('PEXPIRE', window, ARGV[5])
  if i == windows then
    redis.call('UNLINK', bucket)
    redis.call('HDEL', m, 'n' .. hour)
  end
end
redis.call('HSET', m, 'until', till)
redis.call('PEXPIRE', m, ARGV[5])
return 1`)

/** KEYS: m, o. ARGV: feeder, number, after, the longest age. Returns 1, or 0 for a refusal. O(1). */
export const markScript: Script = script(`${stepped}redis.call('HSET', m, 'step', number)
redis.call('SET', KEYS[2], feeder, 'PX', ARGV[4])
return 1`)

/** KEYS: m, o, f. ARGV: feeder, number, after. What was marked and is gone is not vouched for. Returns 1, or 0. O(1). */
export const vouchScript: Script = script(`${stepped}redis.call('HSET', m, 'step', number)
local left = redis.call('PTTL', KEYS[2])
if left > 0 and redis.call('GET', KEYS[2]) == feeder then redis.call('SET', KEYS[3], feeder, 'PX', left) end
return 1`)

/**
 * KEYS: m, f, w:<days>. ARGV: until, days, the most products. Returns milliseconds left of the feeder's word, then product
 * and negative units, again and again; nothing where the window is not whole, or its feeder keeps none of this length. O(log
 * members + products).
 */
export const topScript: Script = script(`local now = redis.call('HMGET', KEYS[1], 'feeder', 'until', 'w' .. ARGV[2])
if not now[1] or now[2] ~= ARGV[1] or not now[3] then return {} end
local left = redis.call('PTTL', KEYS[2])
if left <= 0 or redis.call('GET', KEYS[2]) ~= now[1] then return {} end
if redis.call('ZCARD', KEYS[3]) ~= tonumber(now[3]) then return {} end
local found = redis.call('ZRANGE', KEYS[3], 0, ARGV[3] - 1, 'WITHSCORES')
table.insert(found, 1, left)
return found`)
