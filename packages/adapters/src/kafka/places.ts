import type { KafkaPlace } from "./Transport.ts"

/** Where each record is, when the broker has told the place of the first one of each partition. */
export const placesOf = (
  records: ReadonlyArray<{ readonly partition: number }>,
  firsts: ReadonlyArray<KafkaPlace>,
): ReadonlyArray<KafkaPlace> => {
  const next = new Map(firsts.map(({ partition, offset }) => [partition, offset]))
  return records.map(({ partition }) => {
    const offset = next.get(partition) ?? 0n
    next.set(partition, offset + 1n)
    return { partition, offset }
  })
}
