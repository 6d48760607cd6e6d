/**
 * A claim as a record: its key is the campaign, so that a partition has a campaign's claims in the order of their acceptance.
 *
 * It names the log that it was accepted into, as its id does. Clients name one topic differently, by its id or by its name; and
 * whoever decides a claim has to go by what its owner was told, and by the position that every other decider goes by.
 */
import { type Claim, claimFrom } from "@holdfast/core/ports"
import { partitionOf } from "./murmur2.ts"
import type { KafkaReceived, KafkaRecord } from "./Transport.ts"

const utf8 = new TextEncoder()
const text = new TextDecoder("utf-8", { fatal: true })

export const recordOf = (claim: Claim, log: string, partitions: number): KafkaRecord => ({
  partition: partitionOf(claim.campaignId, partitions),
  key: claim.campaignId,
  value: utf8.encode(JSON.stringify({ ...claim, log })),
  // Nobody reads any, and kafkajs makes an encoder with a buffer of its own for each.
  headers: {},
})

/** The claim in a record, and its log, `own` where it names none; undefined where it is no claim, whoever wrote it. */
export const claimIn = (
  { value }: KafkaReceived,
  own: string,
): { readonly claim: Claim; readonly log: string } | undefined => {
  if (value === undefined) return undefined
  try {
    const stored: unknown = JSON.parse(text.decode(value))
    const claim = claimFrom(stored)
    return claim && { claim, log: logFrom(stored) ?? own }
  } catch {
    return undefined
  }
}

const logFrom = (stored: unknown): string | undefined => {
  const log = typeof stored === "object" && stored !== null && "log" in stored ? stored.log : undefined
  return typeof log === "string" && isLogName(log) ? log : undefined
}

/** Whether it may name a log: the name of a topic, or its id. */
export const isLogName = (text: string): boolean => /^[\w.-]{1,200}$/.test(text)
