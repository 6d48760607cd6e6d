/**
 * How far a group is behind in a partition, by the oldest and the next offset there and by what it has committed. A broker
 * removes what is too old, whether it was read or not: that is nothing to come any more. A group that has committed nothing
 * begins with the oldest record.
 */
export const behind = (low: bigint, high: bigint, committed = -1n): bigint => {
  const from = committed > low ? committed : low
  return high > from ? high - from : 0n
}
