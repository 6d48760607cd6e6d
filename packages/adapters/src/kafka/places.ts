import type { KafkaPlace } from "./Transport.ts"

/**
 * Where each record is, when the broker has told the place of the first one of each partition. Throws where it has not told it
 * of one: kafkajs sends no records of partitions that the topic does not have any more, and says nothing of that.
 */
export const placesOf = (
  records: ReadonlyArray<{ readonly partition: number }>,
  firsts: ReadonlyArray<KafkaPlace>,
): ReadonlyArray<KafkaPlace> => {
  const next = new Map(firsts.map(({ partition, offset }) => [partition, offset]))
  return records.map(({ partition }) => {
    const offset = next.get(partition)
    if (offset === undefined) throw new Error(`No broker has acknowledged records of partition ${partition}.`)
    next.set(partition, offset + 1n)
    return { partition, offset }
  })
}
