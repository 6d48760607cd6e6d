/**
 * The scripts of the cache, one declared key each: right on one server, in a cluster, on Valkey and on Dragonfly, without
 * hash tags or flags. A lease is kept as `L` and its name, a value as `V` and its bytes.
 */
import { createHash } from "node:crypto"

export interface Script {
  readonly text: string
  /** The name under which a server that has seen the script keeps it. */
  readonly sha: string
}

export const script = (text: string): Script => ({ text, sha: createHash("sha1").update(text).digest("hex") })

/** KEYS: the key. ARGV: a new lease, its milliseconds. Returns {0, value, milliseconds left}, {1} with the lease, or {2}. O(1). */
export const getScript: Script = script(`local held = redis.call('GET', KEYS[1])
if not held then
  redis.call('SET', KEYS[1], 'L' .. ARGV[1], 'PX', ARGV[2])
  return {1}
end
if string.byte(held) == 76 then return {2} end
return {0, string.sub(held, 2), redis.call('PTTL', KEYS[1])}`)

/**
 * KEYS: the key. ARGV: the lease, the value, its milliseconds or 0 to keep nothing, the lease's milliseconds, how many of them
 * had passed at least when this was sent. Returns 1, or 0 where the lease has ended. O(1).
 *
 * What passed beyond that was spent on the way, and the value is that much older.
 */
export const putScript: Script = script(`if redis.call('GET', KEYS[1]) ~= 'L' .. ARGV[1] then return 0 end
local late = tonumber(ARGV[4]) - redis.call('PTTL', KEYS[1]) - tonumber(ARGV[5])
local left = tonumber(ARGV[3]) - math.max(0, late)
if left > 0 then redis.call('SET', KEYS[1], 'V' .. ARGV[2], 'PX', string.format('%.0f', left))
else redis.call('DEL', KEYS[1]) end
return 1`)
