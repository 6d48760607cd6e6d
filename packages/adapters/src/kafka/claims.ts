/**
 * A claim as a record: its key is the campaign, so that a partition has a campaign's claims in the order of their acceptance.
 */
import { type Claim, claimFrom } from "@holdfast/core/ports"
import { partitionOf } from "./murmur2.ts"
import type { KafkaReceived, KafkaRecord } from "./Transport.ts"

const utf8 = new TextEncoder()
const text = new TextDecoder("utf-8", { fatal: true })

export const recordOf = (claim: Claim, partitions: number): KafkaRecord => ({
  partition: partitionOf(claim.campaignId, partitions),
  key: claim.campaignId,
  value: utf8.encode(JSON.stringify(claim)),
  // Nobody reads any, and kafkajs makes an encoder with a buffer of its own for each.
  headers: {},
})

/** The claim in a record; undefined where it is none, whoever wrote it. */
export const claimIn = ({ value }: KafkaReceived): Claim | undefined => {
  if (value === undefined) return undefined
  try {
    return claimFrom(JSON.parse(text.decode(value)))
  } catch {
    return undefined
  }
}
