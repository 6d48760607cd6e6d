/**
 * What is said of topics in options, checked in one way wherever it is said.
 */
import { Options } from "@holdfast/core"

/** The longest name that a broker takes. */
export const longestTopic = 249

/** The name of a topic of at most so many characters. */
export const topicCheck = (longest: number): Options.Check =>
  Options.must(
    `1 to ${longest} of the characters a-z, A-Z, 0-9, ., _ and -, and neither . nor ..`,
    (value) => typeof value === "string" && isTopic(value) && value.length <= longest,
  )

export const isTopic = (name: string): boolean => /^(?!\.{1,2}$)[\w.-]{1,249}$/.test(name)

export interface Copies {
  readonly replication?: number | undefined
  readonly minInSync?: number | undefined
}

/** How many brokers keep a topic that does not exist yet, and how many of them have to have a record before it counts. */
export const copiesOf = ({ replication = 3, minInSync = replication === 1 ? 1 : 2 }: Copies) => ({
  replication,
  minInSync,
})

/** What is wrong with copies: where more of them have to have a record than there are, no record is ever taken. */
export const whyNotCopies = (copies: Copies): Options.Issues => {
  const { replication, minInSync } = copiesOf(copies)
  return minInSync > replication
    ? [{ pointer: "/minInSync", message: `must be at most the replication, which is ${replication}` }]
    : []
}
